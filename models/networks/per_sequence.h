#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <torch/nn/module.h>
#include <torch/types.h>

#include "models/slots.h"

namespace metserve::models {

/// [N, C, H, W] to [N, C', h, w].
using SequencePart = std::function<torch::Tensor(const torch::Tensor&)>;

/// Runs each sequence of `x` [N, 4 * slices, H, W] through its part and joins the results along the channels:
/// [N, 4 * C', h, w]. One part is shared by all sequences, which then are one batch, so that training and
/// serving normalise alike; else there are four. Sequences that no example keeps are not computed.
/// With `kept` not empty, what is not kept is zeroed and the rest multiplied by 4/n.
torch::Tensor join_sequences(const torch::Tensor& x, const std::vector<SlotSet>& kept,
                             const std::vector<SequencePart>& parts);

using Copies = std::vector<std::shared_ptr<torch::nn::Module>>;

template <typename Holder>
Copies copies_of(const std::vector<Holder>& holders) {
  Copies copies;
  for (const Holder& holder : holders) copies.push_back(holder.ptr());
  return copies;
}

/// Gives every copy the weights of the first: copies that are tied start alike.
void start_alike(const Copies& copies);

/// Sum over all weights and copies of the squared difference to the copies' mean, a scalar.
torch::Tensor spread_of_copies(const Copies& copies);

}  // namespace metserve::models
