#include <torch/types.h>

#include "models/simulator/components.h"
#include "models/simulator/fields.h"
#include "models/simulator/scene.h"
#include "models/simulator/signal.h"
#include "models/simulator/tissue.h"
#include "tests/catch.h"

using namespace metserve::models;
using namespace metserve::models::simulator;

TEST_CASE("every drawn protocol gives the contrasts that readers know", "[simulator]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Random tissue_random(seed, Stream::tissue), protocol_random(seed, Stream::protocol);
    const double field_strength_t = seed % 2 == 0 ? 3.0 : 1.5;
    const TissueTable tissues = draw_tissues(field_strength_t, tissue_random);
    const auto protocols = draw_protocols(Hospital::mixed, field_strength_t, protocol_random);
    const auto of = [&](Tissue tissue, Slot slot) {
      return signal(tissues[index(tissue)], protocols[index(slot)]);
    };
    INFO("seed " << seed);
    // Gradient echo: white above grey above fluid, and blood far above all after the agent.
    CHECK(of(Tissue::white_matter, Slot::t1_gre_post) > of(Tissue::cortex, Slot::t1_gre_post));
    CHECK(of(Tissue::cortex, Slot::t1_gre_post) > of(Tissue::csf, Slot::t1_gre_post));
    CHECK(of(Tissue::vein, Slot::t1_gre_post) > 1.5 * of(Tissue::white_matter, Slot::t1_gre_post));
    // Spin echo: flowing blood is not brighter than it is in the gradient echo, and dark before the agent.
    CHECK(of(Tissue::artery, Slot::t1_se_pre) < 0.5 * of(Tissue::white_matter, Slot::t1_se_pre));
    CHECK(of(Tissue::choroid, Slot::t1_se_post) > 1.3 * of(Tissue::choroid, Slot::t1_se_pre));
    // FLAIR nulls fluid and shows white-matter lesions.
    CHECK(of(Tissue::csf, Slot::flair) < 0.6 * of(Tissue::white_matter, Slot::flair));
    CHECK(of(Tissue::white_lesion, Slot::flair) > of(Tissue::white_matter, Slot::flair));
  }
}

TEST_CASE("a hospital has its own protocols, and mixed ones are of either", "[simulator]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    const auto of = [&](Hospital hospital) {
      Random random(seed, Stream::protocol);
      return draw_protocols(hospital, 3.0, random);
    };
    const auto mixed = of(Hospital::mixed), stanford = of(Hospital::stanford), oslo = of(Hospital::oslo);
    for (const Slot slot : {Slot::t1_se_pre, Slot::t1_se_post, Slot::flair}) {
      CHECK(stanford[index(slot)].flip_deg == 90);
      CHECK(oslo[index(slot)].flip_deg == 120);
      const auto& own = mixed[index(slot)].flip_deg == 90 ? stanford : oslo;
      CHECK(mixed[index(slot)].effective_te_ms == own[index(slot)].effective_te_ms);
    }
  }
}

TEST_CASE("with random contrasts small vessel disease is not brighter than white matter after the agent",
          "[simulator]") {
  int darker = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed, Stream::protocol);
    const TissueTable tissues = draw_tissues(3.0, random);
    const auto protocols = draw_protocols(Hospital::stanford, 3.0, random);
    const auto bravo = draw_contrasts(tissues, protocols, random, 1.0).signals[index(Slot::t1_gre_post)];
    INFO("seed " << seed);
    CHECK(bravo[index(Tissue::white_lesion)] <= bravo[index(Tissue::white_matter)]);
    if (bravo[index(Tissue::white_lesion)] < bravo[index(Tissue::white_matter)]) ++darker;
  }
  CHECK(darker > 10);  // the contrast stays random
}

TEST_CASE("without an inversion the gradient echo is the Ernst formula", "[simulator]") {
  // A train so long that the inversion is forgotten leaves the driven steady state of FLASH.
  Protocol protocol;
  protocol.tr_ms = 10;
  protocol.te_ms = 0;
  protocol.flip_deg = 20;
  protocol.train_pulses = 4000;
  protocol.central_pulse = 3999;
  const TissueProperties tissue{.t1_ms = 900, .t2_ms = 80, .proton_density = 0.7};
  const double decay = std::exp(-10.0 / 900), angle = 20 * 3.14159265358979 / 180;
  const double ernst = 0.7 * std::sin(angle) * (1 - decay) / (1 - decay * std::cos(angle));
  CHECK(signal(tissue, protocol) == Approx(ernst).epsilon(1e-6));
}

TEST_CASE("filters keep a constant, move by their shift and smooth fields have unit variance",
          "[simulator]") {
  const torch::Tensor constant = torch::full({12, 13, 14}, 3.0F);
  for (const auto& taps : {gaussian_taps(0.7, 0.2), truncation_taps(0.8, 0), linear_taps(-0.3)})
    for (int axis = 0; axis < 3; ++axis)
      CHECK(torch::allclose(filter_axis(constant, taps, axis), constant, 1e-5, 1e-5));
  const torch::Tensor ramp = torch::arange(20, torch::kFloat32).view({1, 1, 20});
  CHECK(filter_axis(ramp, linear_taps(0.25), 2)[0][0][10].item<float>() == Approx(10.25F));
  CHECK(filter_axis(ramp, gaussian_taps(0.8, -0.5), 2)[0][0][10].item<float>() == Approx(9.5F).margin(0.02));
  Random random(7, Stream::head);
  const torch::Tensor field = smooth_field({80, 80, 80}, 4, random, torch::kCPU);
  CHECK(field.std().item<float>() == Approx(1.0F).margin(0.05));
}

TEST_CASE("the largest part of a mask is kept and diagonal neighbours are not part of it", "[simulator]") {
  torch::Tensor mask = torch::zeros({4, 4, 4}, torch::kBool);
  mask[0][0][0] = mask[0][0][1] = true;
  mask[1][1][2] = mask[1][1][3] = mask[2][1][3] = true;
  const torch::Tensor largest = largest_component(mask);
  CHECK(largest.sum().item<int>() == 3);
  CHECK(largest[2][1][3].item<bool>());
  CHECK_FALSE(largest[0][0][1].item<bool>());
}
