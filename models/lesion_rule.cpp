#include "models/lesion_rule.h"

#include "models/components.h"

namespace metserve::models {

torch::Tensor without_weak_components(const torch::Tensor& probability, const LesionRule& rule) {
  if (rule.minimum_peak <= rule.threshold) return probability;
  const Components components = label_components(probability.ge(rule.threshold));
  // Few voxels belong to a component: all else is left alone.
  const torch::Tensor labels = components.labels.flatten();
  const torch::Tensor voxels = labels.nonzero().squeeze(1);
  const torch::Tensor component = labels.index_select(0, voxels).to(torch::kInt64);
  torch::Tensor result = probability.clone(at::MemoryFormat::Contiguous);
  torch::Tensor values = result.flatten();  // a view
  const torch::Tensor strong = values.index_select(0, voxels).ge(rule.minimum_peak);
  torch::Tensor kept = torch::zeros({static_cast<std::int64_t>(components.voxels.size()) + 1}, torch::kBool);
  kept.index_fill_(0, component.masked_select(strong), true);
  values.index_fill_(0, voxels.masked_select(kept.index_select(0, component).logical_not()), 0);
  return result;
}

}  // namespace metserve::models
