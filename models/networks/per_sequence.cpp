#include "models/networks/per_sequence.h"

#include <torch/nn.h>

#include "models/input_dropout.h"

namespace metserve::models {
namespace {

/// Channel positions of the sequences that any example keeps; all when none is to be dropped.
std::vector<std::int64_t> used_sequences(const std::vector<SlotSet>& kept) {
  SlotSet used;
  for (SlotSet one : kept) used |= one;
  if (kept.empty()) used.set();
  std::vector<std::int64_t> positions;
  for (Slot slot : all_slots)
    if (used.test(index(slot))) positions.push_back(static_cast<std::int64_t>(index(slot)));
  return positions;
}

/// [N, n, C', h, w] of the n used sequences.
torch::Tensor results(const torch::Tensor& sequences, const std::vector<std::int64_t>& used,
                      const std::vector<SequencePart>& parts) {
  const auto count = static_cast<std::int64_t>(used.size());
  if (parts.size() == 1) {
    const torch::Tensor index = torch::tensor(used, torch::kInt64).to(sequences.device());
    const torch::Tensor batch = sequences.index_select(1, index).flatten(0, 1);
    const torch::Tensor result = parts[0](batch.contiguous(torch::MemoryFormat::ChannelsLast));
    return result.view({sequences.size(0), count, result.size(1), result.size(2), result.size(3)});
  }
  std::vector<torch::Tensor> each;
  for (std::int64_t position : used) {
    const torch::Tensor sequence = sequences.select(1, position);
    each.push_back(
        parts[static_cast<std::size_t>(position)](sequence.contiguous(torch::MemoryFormat::ChannelsLast)));
  }
  return torch::stack(each, 1);
}

}  // namespace

torch::Tensor join_sequences(const torch::Tensor& x, const std::vector<SlotSet>& kept,
                             const std::vector<SequencePart>& parts) {
  constexpr auto slots = static_cast<std::int64_t>(slot_count);
  const std::vector<std::int64_t> used = used_sequences(kept);
  const torch::Tensor sequences = x.reshape({x.size(0), slots, x.size(1) / slots, x.size(2), x.size(3)});
  torch::Tensor joined = results(sequences, used, parts);
  if (static_cast<std::int64_t>(used.size()) < slots) {
    const torch::Tensor all =
        joined.new_zeros({x.size(0), slots, joined.size(2), joined.size(3), joined.size(4)});
    joined = all.index_copy(1, torch::tensor(used, torch::kInt64).to(x.device()), joined);
  }
  joined = joined.flatten(1, 2);
  return kept.empty() ? joined : keep_sequences(joined, kept, Scaling::by_share);
}

void start_alike(const Copies& copies) {
  const torch::NoGradGuard no_grad;
  const auto first = copies.front()->parameters();
  for (std::size_t copy = 1; copy < copies.size(); ++copy) {
    const auto own = copies[copy]->parameters();
    for (std::size_t i = 0; i < own.size(); ++i) own[i].copy_(first[i]);
  }
}

torch::Tensor spread_of_copies(const Copies& copies) {
  std::vector<std::vector<torch::Tensor>> weights;
  for (const auto& copy : copies) weights.push_back(copy->parameters());
  torch::Tensor sum = torch::zeros({}, weights[0][0].options());
  for (std::size_t i = 0; i < weights[0].size(); ++i) {
    std::vector<torch::Tensor> alike;
    for (const auto& own : weights) alike.push_back(own[i]);
    const torch::Tensor all = torch::stack(alike);
    sum = sum + (all - all.mean(0, true)).square().sum();
  }
  return sum;
}

}  // namespace metserve::models
