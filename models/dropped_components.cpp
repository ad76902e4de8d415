#include "models/dropped_components.h"

#include "models/components.h"

namespace metserve::models {

torch::Tensor without_dropped_components(const torch::Tensor& probability, const LesionRule& rule,
                                         const std::array<double, 3>& spacing_mm) {
  if (rule.minimum_peak <= rule.threshold && rule.minimum_roundness <= 0 && rule.minimum_volume_mm3 <= 0)
    return probability;
  const Components components = label_components(probability.ge(rule.threshold));
  const auto count = static_cast<std::int64_t>(components.voxels.size());
  torch::Tensor result = probability.clone(at::MemoryFormat::Contiguous);
  torch::Tensor values = result.flatten();  // a view
  const torch::Tensor strong = values.index_select(0, components.places).ge(rule.minimum_peak);
  torch::Tensor kept = torch::zeros({count}, torch::kBool);
  kept.index_fill_(0, components.part.masked_select(strong), true);
  if (rule.minimum_roundness > 0)
    kept.logical_and_(roundness(components, spacing_mm).ge(rule.minimum_roundness));
  const double voxel_mm3 = spacing_mm[0] * spacing_mm[1] * spacing_mm[2];
  kept.logical_and_(
      torch::tensor(components.voxels, torch::kInt64).mul(voxel_mm3).ge(rule.minimum_volume_mm3));
  const torch::Tensor dropped = kept.index_select(0, components.part).logical_not();
  values.index_fill_(0, components.places.masked_select(dropped), 0);
  return result;
}

}  // namespace metserve::models
