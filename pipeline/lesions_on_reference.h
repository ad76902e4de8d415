#pragma once

#include <torch/types.h>

#include "dicom/volume.h"
#include "models/lesion_rule.h"
#include "pipeline/lesions.h"

namespace metserve::pipeline {

/// `probability` [D, 256, 256] of the network's grid on the reference's own, in one interpolation; where the
/// reference's voxels are larger (thick slices), the mean over them.
dicom::Volume on_reference(const torch::Tensor& probability, const dicom::VolumeGeometry& grid,
                           const dicom::VolumeGeometry& reference);

/// Lesions of `log_odds` ([D, 256, 256] float32 on the network's `grid`) at `rule`'s threshold and of its
/// smallest volume, on the grid of the reference. `own_threshold` is the model's: what is interpolated are
/// the log-odds above it as probabilities, of which a half is the outline where the rule has the same
/// threshold. It lies midway between a voxel that is surely of the lesion and a neighbour that surely is not;
/// lower thresholds draw what fills a smaller part of thick slices. Mean and highest probability are of
/// `log_odds` itself.
LesionMap lesions_on_reference(const torch::Tensor& log_odds, const dicom::VolumeGeometry& grid,
                               const dicom::VolumeGeometry& reference, const models::LesionRule& rule,
                               double own_threshold);

}  // namespace metserve::pipeline
