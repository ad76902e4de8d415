#pragma once

#include <random>
#include <vector>

#include <torch/types.h>

#include "models/slots.h"

namespace metserve::models {

/// Draws which of the `present` sequences a training example keeps: each goes with probability `p` (0..1),
/// independently; if all would go, none goes (Groevik 2021, Yi 2019).
SlotSet draw_kept(SlotSet present, double p, std::mt19937_64& random);

enum class Scaling {
  none,      ///< the sequences that are kept stay as they are
  by_share,  ///< they are multiplied by 4/n, n their number
};

/// Zeroes whole sequences and scales the others; the same in training and in serving. `input`: [N, 4 * C, H,
/// W], sequence-major: slices at the input, features or logits where later levels join the sequences.
/// `kept`: one set per example. Throws Error(bad_input) on an empty set or when the sizes do not fit.
torch::Tensor keep_sequences(const torch::Tensor& input, const std::vector<SlotSet>& kept, Scaling scaling);

}  // namespace metserve::models
