#include "models/input_dropout.h"

#include <torch/types.h>

#include "models/error.h"

namespace metserve::models {

SlotSet draw_kept(SlotSet present, double p, std::mt19937_64& random) {
  SlotSet kept = present;
  for (Slot slot : all_slots) {
    // Compared as integers: std::bernoulli_distribution differs between standard libraries.
    const bool drop = static_cast<double>(random() >> 11) * 0x1.0p-53 < p;
    if (drop) kept.reset(index(slot));
  }
  return kept.none() ? present : kept;
}

torch::Tensor keep_sequences(const torch::Tensor& input, const std::vector<SlotSet>& kept, Scaling scaling) {
  constexpr auto slots = static_cast<std::int64_t>(slot_count);
  if (input.dim() != 4 || input.size(0) != static_cast<std::int64_t>(kept.size()) ||
      input.size(1) % slots != 0)
    throw Error(Error::Kind::bad_input,
                "input dropout: the input must be [N, 4 * channels, H, W], one set each");
  torch::Tensor factors = torch::zeros({input.size(0), slots, 1, 1, 1});
  auto factor = factors.accessor<float, 5>();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i].none()) throw Error(Error::Kind::bad_input, "input dropout: no sequence is present");
    const float share = static_cast<float>(slots) / static_cast<float>(kept[i].count());
    for (std::size_t slot = 0; slot < slot_count; ++slot)
      if (kept[i].test(slot))
        factor[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(slot)][0][0][0] =
            scaling == Scaling::by_share ? share : 1.0F;
  }
  const std::int64_t channels = input.size(1) / slots;
  const torch::Tensor channel =
      factors.expand({-1, -1, channels, -1, -1}).reshape({input.size(0), input.size(1), 1, 1});
  return input * channel.to(input.options());
}

}  // namespace metserve::models
