#pragma once

#include <array>

#include <torch/types.h>

#include "models/components.h"
#include "models/lesion_rule.h"

namespace metserve::models {

/// Components of this volume or more are not judged by their shape: an irregular metastasis that large must
/// not be lost, and dura or vessels that a network takes for lesions are smaller.
inline constexpr double any_shape_mm3 = 2000;

/// [count] float64: `roundness`, and 1 for components of `any_shape_mm3` or more.
torch::Tensor judged_roundness(const Components& components, const std::array<double, 3>& spacing_mm);

/// Lowers every voxel of the 26-connected components at `rule.threshold` to minus infinity that nowhere reach
/// `rule.minimum_peak` (thresholding with hysteresis, Canny 1986), are by `judged_roundness` less round
/// than `rule.minimum_roundness` or smaller than `rule.minimum_volume_mm3`. `log_odds`: [D, H, W] float32
/// on the CPU; the same tensor comes back where nothing can be dropped. `spacing_mm`: column, row, slice.
torch::Tensor without_dropped_components(const torch::Tensor& log_odds, const LesionRule& rule,
                                         const std::array<double, 3>& spacing_mm);

}  // namespace metserve::models
