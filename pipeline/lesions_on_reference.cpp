#include "pipeline/lesions_on_reference.h"

#include "models/log_odds.h"
#include "pipeline/resample.h"

namespace metserve::pipeline {

dicom::Volume on_reference(const torch::Tensor& probability, const dicom::VolumeGeometry& grid,
                           const dicom::VolumeGeometry& reference) {
  const torch::Tensor values = probability.contiguous();
  const float* first = values.data_ptr<float>();
  return resample({grid, std::vector<float>(first, first + values.numel())}, reference, {});
}

LesionMap lesions_on_reference(const torch::Tensor& log_odds, const dicom::VolumeGeometry& grid,
                               const dicom::VolumeGeometry& reference, const models::LesionRule& rule,
                               double own_threshold) {
  const double own = models::log_odds_of(own_threshold);
  const double outline = models::probability_at(models::log_odds_of(rule.threshold) - own);
  const dicom::Volume above = on_reference(log_odds.sub(own).sigmoid(), grid, reference);
  LesionMap map = find_lesions(above, {outline, rule.minimum_volume_mm3});
  take_probabilities(map, on_reference(log_odds.sigmoid(), grid, reference).voxels);
  return map;
}

}  // namespace metserve::pipeline
