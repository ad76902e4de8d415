#pragma once

#include <array>

#include <torch/types.h>

#include "models/simulator/fields.h"
#include "models/simulator/random.h"
#include "models/simulator/scene.h"

namespace metserve::models::simulator {

/// What a series' own hardware and reconstruction do to the image; lengths in mm, axes slice, row, column.
struct Acquisition {
  std::array<double, 3> blur_mm{0.5, 0.5, 0.5};  ///< standard deviation of the point spread
  std::array<double, 3> offset_mm{};             ///< the image is moved by this
  std::array<double, 3> interpolated_voxels{};   ///< resampled by this after the noise, and back; -0.5..0.5
  double truncation = 0;                         ///< k-space share kept in plane, 0 for no ringing
  double bias = 0.1;                             ///< standard deviation of its own shading
  double signal_to_noise = 30;                   ///< of white matter
  double white_level = 800;                      ///< white matter, in grey values
};

Acquisition draw_acquisition(Random& random);

/// The receive coils' shading, which all series of an examination share: [D, H, W], mean about 1.
torch::Tensor coil_shading(const Shape& shape, const std::array<double, 3>& spacing_mm, Random& random,
                           torch::Device device);

/// `signals` [D, H, W] in units of white matter, to grey values with Rician noise, at most 4095, float32.
torch::Tensor acquire(const torch::Tensor& signals, const std::array<double, 3>& spacing_mm,
                      const Acquisition& acquisition, const torch::Tensor& shading, Random& random);

}  // namespace metserve::models::simulator
