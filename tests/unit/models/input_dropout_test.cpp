#include "models/input_dropout.h"

#include <array>

#include <torch/types.h>

#include "models/error.h"
#include "tests/catch.h"

using namespace metserve::models;

TEST_CASE("0, 1, 2 and 3 sequences are dropped with 32, 42, 21 and 4.7 percent", "[dropout]") {
  std::mt19937_64 random(7);
  std::array<int, 5> dropped{};
  constexpr int draws = 40000;
  for (int i = 0; i < draws; ++i) ++dropped[4 - draw_kept(SlotSet().set(), 0.25, random).count()];
  CHECK(dropped[0] / double(draws) == Approx(0.316 + 0.004).margin(0.01));
  CHECK(dropped[1] / double(draws) == Approx(0.422).margin(0.01));
  CHECK(dropped[2] / double(draws) == Approx(0.211).margin(0.01));
  CHECK(dropped[3] / double(draws) == Approx(0.047).margin(0.005));
  CHECK(dropped[4] == 0);
}

TEST_CASE("A sequence that a study lacks is never kept", "[dropout]") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    const SlotSet kept = draw_kept(SlotSet("0110"), 0.5, random);
    CHECK(kept.any());
    CHECK((kept & SlotSet("1001")).none());
  }
}

TEST_CASE("Dropped sequences are zero in all slices and the others are multiplied by 4/n", "[dropout]") {
  const torch::Tensor input = torch::ones({2, 20, 3, 3});
  SlotSet three = SlotSet().set();
  three.reset(index(Slot::t1_gre_post));
  const torch::Tensor kept = keep_sequences(input, {three, SlotSet().set()}, Scaling::by_share);
  CHECK(kept[0].slice(0, 0, 5).abs().max().item<float>() == 0.0F);
  CHECK(kept[0].slice(0, 5, 20).eq(4.0F / 3.0F).all().item<bool>());
  CHECK(kept[1].eq(1.0F).all().item<bool>());
  const torch::Tensor one = keep_sequences(input.slice(0, 0, 1), {SlotSet("1000")}, Scaling::by_share);
  CHECK(one[0].slice(0, 15, 20).eq(4.0F).all().item<bool>());
  CHECK(one.sum().item<float>() == 4.0F * 5 * 9);
}

TEST_CASE("Without the layer dropped sequences are zero and the others stay as they are", "[dropout]") {
  const torch::Tensor kept = keep_sequences(torch::ones({1, 20, 3, 3}), {SlotSet("1000")}, Scaling::none);
  CHECK(kept[0].slice(0, 15, 20).eq(1.0F).all().item<bool>());
  CHECK(kept.sum().item<float>() == 5 * 9);
}

TEST_CASE("An empty set of sequences is refused", "[dropout]") {
  CHECK_THROWS_AS(keep_sequences(torch::ones({1, 20, 2, 2}), {SlotSet()}, Scaling::none), Error);
  CHECK_THROWS_AS(keep_sequences(torch::ones({1, 19, 2, 2}), {SlotSet().set()}, Scaling::none), Error);
}
