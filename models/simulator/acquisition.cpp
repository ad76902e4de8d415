#include "models/simulator/acquisition.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

namespace metserve::models::simulator {
namespace {

constexpr double brightest = 4095;

}  // namespace

Acquisition draw_acquisition(Random& random) {
  Acquisition acquisition;
  const double in_plane_mm = random.uniform(0.4, 0.7);
  acquisition.blur_mm = {random.uniform(0.45, 0.75), in_plane_mm, in_plane_mm};
  acquisition.truncation = random.chance(0.3) ? random.uniform(0.75, 0.95) : 0.0;
  acquisition.bias = random.uniform(0.01, 0.07);
  acquisition.signal_to_noise = random.log_uniform(14, 55);
  acquisition.white_level = random.log_uniform(450, 1300);
  return acquisition;
}

torch::Tensor coil_shading(const Shape& shape, const std::array<double, 3>& spacing_mm, Random& random,
                           torch::Device device) {
  const double knot_mm = random.uniform(70, 130), strength = random.uniform(0.02, 0.14);
  return smooth_field(shape, knot_mm / spacing_mm[0], random, device).mul_(strength).exp_();
}

torch::Tensor acquire(const torch::Tensor& signals, const std::array<double, 3>& spacing_mm,
                      const Acquisition& acquisition, const torch::Tensor& shading, Random& random) {
  torch::Tensor image = signals;
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    const double shift = acquisition.interpolated_voxels[a] - acquisition.offset_mm[a] / spacing_mm[a];
    image = filter_axis(image, gaussian_taps(acquisition.blur_mm[a] / spacing_mm[a], shift), axis);
    if (axis > 0 && acquisition.truncation > 0)
      image = filter_axis(image, truncation_taps(acquisition.truncation, 0), axis);
  }
  const Shape shape{image.size(0), image.size(1), image.size(2)};
  torch::Tensor own = smooth_field(shape, 90 / spacing_mm[0], random, image.device());
  image.mul_(own.mul_(acquisition.bias).exp_()).mul_(shading);

  const double noise = 1 / acquisition.signal_to_noise;
  image.add_(random.normal_volume(image.sizes(), image.device()), noise).square_();
  image.add_(random.normal_volume(image.sizes(), image.device()).mul_(noise).square_()).sqrt_();
  for (int axis = 0; axis < 3; ++axis) {
    const double back = -acquisition.interpolated_voxels[static_cast<std::size_t>(axis)];
    if (back != 0) image = filter_axis(image, linear_taps(back), axis);
  }
  return image.mul_(acquisition.white_level).clamp_(0, brightest);
}

}  // namespace metserve::models::simulator
