#pragma once

#include <string>

#include <torch/types.h>

#include "dicom/volume.h"
#include "models/lesion_rule.h"
#include "pipeline/lesions.h"

namespace metserve::pipeline {

/// Lesions that the network found and the results do not show, as a warning to people, or nothing: slices
/// much thicker than a lesion average it away. Those of less than twice the smallest volume are not told:
/// whether they have it depends on where the voxels lie. `log_odds`: [D, 256, 256] float32 on the network's
/// `grid`; `rule`: which of its components are lesions; `map`: the lesions on the reference's grid, of
/// geometry `reference`.
std::string warning_of_lost(const torch::Tensor& log_odds, const dicom::VolumeGeometry& grid,
                            const models::LesionRule& rule, const LesionMap& map,
                            const dicom::VolumeGeometry& reference);

}  // namespace metserve::pipeline
