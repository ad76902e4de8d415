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
                               const dicom::VolumeGeometry& reference, const models::LesionRule& rule) {
  const torch::Tensor above = log_odds.sub(models::log_odds_of(rule.threshold)).sigmoid();
  LesionMap map = find_lesions(on_reference(above, grid, reference), {0.5, rule.minimum_volume_mm3});
  take_probabilities(map, on_reference(log_odds.sigmoid(), grid, reference).voxels);
  return map;
}

}  // namespace metserve::pipeline
