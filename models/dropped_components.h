#pragma once

#include <array>

#include <torch/types.h>

#include "models/lesion_rule.h"

namespace metserve::models {

/// Lowers every voxel of the 26-connected components at `rule.threshold` to 0 that nowhere reach
/// `rule.minimum_peak` (thresholding with hysteresis, Canny 1986), are less round than
/// `rule.minimum_roundness` or smaller than `rule.minimum_volume_mm3`. `probability`: [D, H, W] float32 on
/// the CPU; the same tensor comes back where nothing can be dropped. `spacing_mm`: column, row, slice.
torch::Tensor without_dropped_components(const torch::Tensor& probability, const LesionRule& rule,
                                         const std::array<double, 3>& spacing_mm);

}  // namespace metserve::models
