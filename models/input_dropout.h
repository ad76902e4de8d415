#pragma once

#include <random>
#include <vector>

#include <torch/types.h>

#include "models/slots.h"

namespace metserve::models {

/// Draws which of the `present` sequences a training example keeps: each goes with probability `p` (0..1),
/// independently; if all would go, none goes (Groevik 2021, Yi 2019).
SlotSet draw_kept(SlotSet present, double p, std::mt19937_64& random);

/// Zeroes whole sequences and multiplies the others by 4/n, n the number kept; the same in training and in
/// serving. `input`: [N, slots * slices, H, W], sequence-major. `kept`: one set per example.
/// Throws Error(bad_input) on an empty set or when the sizes do not fit.
torch::Tensor keep_sequences(const torch::Tensor& input, const std::vector<SlotSet>& kept);

}  // namespace metserve::models
