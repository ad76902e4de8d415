#pragma once

#include <array>
#include <vector>

#include <torch/types.h>

#include "models/simulator/pose.h"
#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// Sums of plane waves in random directions: a smooth field of mean 0 and variance 1 that can be evaluated
/// anywhere. Wavelengths in mm.
class Ripple {
 public:
  Ripple(double shortest_mm, double longest_mm, Random& random);

  /// `slice`, `row`, `column`: coordinates in mm, broadcast against each other, float32 on the CPU.
  torch::Tensor at(const torch::Tensor& slice, const torch::Tensor& row, const torch::Tensor& column) const;

 private:
  static constexpr std::size_t waves = 8;
  std::array<std::array<double, 3>, waves> wave_numbers_{};
  std::array<double, waves> phases_{};
};

/// An ellipsoid in any orientation.
struct Lobe {
  std::array<double, 3> offset_mm{};            ///< of its centre: slice, row, column
  std::array<std::array<double, 3>, 3> axes{};  ///< unit vectors
  std::array<double, 3> half_axes_mm{};
};

/// One or two lobes whose common surface is rippled.
struct LesionShape {
  std::array<double, 3> centre{};  ///< canvas voxels: slice, row, column
  std::vector<Lobe> lobes;
  double roughness = 0.15;  ///< of the surface, share of the radius
  Ripple ripple, rim_ripple, oedema_ripple;
};

LesionShape draw_shape(double longest_diameter_mm, const std::array<double, 3>& centre, Random& random);

/// A box of canvas voxels (slice, row, column).
struct Box {
  std::array<std::int64_t, 3> first{}, size{};

  torch::Tensor cut(const torch::Tensor& volume) const;  ///< the part of [D, H, W] inside, a view
};

/// The part of the canvas within `reach_mm` of the centre.
Box box_around(const std::array<double, 3>& centre, double reach_mm, const Canvas& canvas);

/// How far each voxel of the box lies outside the surface (negative inside), roughly in mm, and the same for
/// the outline that oedema follows; `rim` and `texture` vary about 1: the thickness of an enhancing rim, and
/// the signal. [D, H, W] float32.
struct Distances {
  torch::Tensor surface_mm, oedema_mm, rim, texture;
};
Distances distances(const LesionShape& shape, const Box& box, const Canvas& canvas);

}  // namespace metserve::models::simulator
