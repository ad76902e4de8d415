#pragma once

#include <array>

#include <torch/types.h>

#include "models/simulator/fields.h"
#include "models/simulator/head.h"
#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// The grid on which a study is put together: axes slice (superior), row (posterior), column (left).
/// `first_mm`: where voxel 0 is along each axis, mm from the middle of the brain.
struct Canvas {
  Shape shape{};
  std::array<double, 3> spacing_mm{1, 1, 1};
  std::array<double, 3> first_mm{};
  std::array<double, 3> brain_centre_lps_mm{};  ///< where the middle of the brain is in the scanner

  torch::Tensor index_to_lps_mm() const;  ///< [4, 4] float64, (column, row, slice, 1) to LPS mm
};

/// How this patient's head differs from its label map.
/// `head_from_canvas`: [3, 3] float64, mm about the middle of the brain, axes slice, row, column.
struct Pose {
  torch::Tensor head_from_canvas;
  double knot_mm = 35;         ///< between the knots of the elastic deformation
  double displacement_mm = 3;  ///< its standard deviation per axis
};

/// A small rotation and anisotropic scaling, a mirror image half of the time, and an elastic deformation.
Pose draw_pose(Random& random);

/// The brain's bounding box after posing (slice, row, column; without the elastic part), mm from its middle.
struct BrainBox {
  std::array<double, 3> low_mm{}, high_mm{};
};
BrainBox posed_brain(const Head& head, const Pose& pose);

/// Where each voxel of the canvas lies in the head: [1, D, H, W, 3] float32, as grid_sample takes it
/// (column, row, slice in -1..1, corners aligned).
torch::Tensor sampling_grid(const Head& head, const Pose& pose, const Canvas& canvas, Random& random);

}  // namespace metserve::models::simulator
