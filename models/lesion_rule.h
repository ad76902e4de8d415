#pragma once

#include <torch/types.h>

namespace metserve::models {

/// Which components of a probability map are lesions.
struct LesionRule {
  double threshold = 0.5;   ///< a voxel of at least this probability belongs to a component, above 0, below 1
  double minimum_peak = 0;  ///< components whose highest probability is less are dropped, 0..1
  double minimum_volume_mm3 = 10;  ///< smaller components are dropped, >= 0
};

/// Thresholding with hysteresis (Canny 1986): lowers every voxel of the 26-connected components at
/// `rule.threshold` that nowhere reach `rule.minimum_peak` to 0. The volume is not looked at. `probability`:
/// [D, H, W] float32 on the CPU; the same tensor comes back where nothing is dropped.
torch::Tensor without_weak_components(const torch::Tensor& probability, const LesionRule& rule);

}  // namespace metserve::models
