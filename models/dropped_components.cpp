#include "models/dropped_components.h"

#include <limits>

#include "models/log_odds.h"

namespace metserve::models {
namespace {

/// [count] float64
torch::Tensor volumes_mm3(const Components& components, const std::array<double, 3>& spacing_mm) {
  return torch::tensor(components.voxels, torch::kFloat64).mul(spacing_mm[0] * spacing_mm[1] * spacing_mm[2]);
}

}  // namespace

torch::Tensor judged_roundness(const Components& components, const std::array<double, 3>& spacing_mm) {
  return roundness(components, spacing_mm)
      .masked_fill(volumes_mm3(components, spacing_mm).ge(any_shape_mm3), 1);
}

torch::Tensor without_dropped_components(const torch::Tensor& log_odds, const LesionRule& rule,
                                         const std::array<double, 3>& spacing_mm) {
  if (rule.minimum_peak <= rule.threshold && rule.minimum_roundness <= 0 && rule.minimum_volume_mm3 <= 0)
    return log_odds;
  const Components components = label_components(log_odds.ge(log_odds_of(rule.threshold)));
  const auto count = static_cast<std::int64_t>(components.voxels.size());
  torch::Tensor result = log_odds.clone(at::MemoryFormat::Contiguous);
  torch::Tensor values = result.flatten();  // a view
  const torch::Tensor strong = values.index_select(0, components.places).ge(log_odds_of(rule.minimum_peak));
  torch::Tensor kept = torch::zeros({count}, torch::kBool);
  kept.index_fill_(0, components.part.masked_select(strong), true);
  if (rule.minimum_roundness > 0)
    kept.logical_and_(judged_roundness(components, spacing_mm).ge(rule.minimum_roundness));
  kept.logical_and_(volumes_mm3(components, spacing_mm).ge(rule.minimum_volume_mm3));
  const torch::Tensor dropped = kept.index_select(0, components.part).logical_not();
  values.index_fill_(0, components.places.masked_select(dropped), -std::numeric_limits<float>::infinity());
  return result;
}

}  // namespace metserve::models
