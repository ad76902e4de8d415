#include "models/lesion_rule.h"

#include "models/components.h"

namespace metserve::models {

torch::Tensor without_weak_components(const torch::Tensor& probability, const LesionRule& rule) {
  if (rule.minimum_peak <= rule.threshold) return probability;
  const Components components = label_components(probability.ge(rule.threshold));
  const torch::Tensor strong = components.labels.masked_select(probability.ge(rule.minimum_peak));
  torch::Tensor kept = torch::zeros({static_cast<std::int64_t>(components.voxels.size()) + 1}, torch::kBool);
  kept.index_fill_(0, strong.to(torch::kInt64), true);
  const torch::Tensor weak =
      components.labels.ne(0).logical_and(kept.index_select(0, components.labels.flatten().to(torch::kInt64))
                                              .view_as(components.labels)
                                              .logical_not());
  return probability.masked_fill(weak, 0);
}

}  // namespace metserve::models
