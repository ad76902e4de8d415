#include "models/simulator/fields.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <torch/types.h>

namespace metserve::models::simulator {
namespace {

/// [samples, knots + 3] float32: what each cubic B-spline contributes to each of the samples.
torch::Tensor spline_basis(std::int64_t samples, std::int64_t knots) {
  torch::Tensor basis = torch::zeros({samples, knots + 3}, torch::kFloat32);
  auto values = basis.accessor<float, 2>();
  const double step =
      static_cast<double>(knots) / static_cast<double>(std::max<std::int64_t>(samples - 1, 1));
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    const double position = static_cast<double>(sample) * step;
    const auto cell = std::min<std::int64_t>(static_cast<std::int64_t>(position), knots - 1);
    const double t = position - static_cast<double>(cell), u = 1 - t;
    values[sample][cell] = static_cast<float>(u * u * u / 6);
    values[sample][cell + 1] = static_cast<float>((3 * t * t * t - 6 * t * t + 4) / 6);
    values[sample][cell + 2] = static_cast<float>((3 * u * u * u - 6 * u * u + 4) / 6);
    values[sample][cell + 3] = static_cast<float>(t * t * t / 6);
  }
  return basis;
}

std::vector<double> normalised(std::vector<double> taps) {
  double sum = 0;
  for (double tap : taps) sum += tap;
  for (double& tap : taps) tap /= sum;
  return taps;
}

}  // namespace

torch::Tensor smooth_field(const Shape& shape, double knot_voxels, Random& random, torch::Device device) {
  std::array<std::int64_t, 3> knots{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    knots[axis] = std::max<std::int64_t>(1, std::llround(static_cast<double>(shape[axis]) / knot_voxels));
  torch::Tensor field = random.normal_tensor({knots[0] + 3, knots[1] + 3, knots[2] + 3}).to(device);
  const torch::Tensor slices = spline_basis(shape[0], knots[0]).to(device);
  const torch::Tensor rows = spline_basis(shape[1], knots[1]).to(device);
  const torch::Tensor columns = spline_basis(shape[2], knots[2]).to(device);
  field = torch::mm(slices, field.flatten(1)).view({shape[0], knots[1] + 3, knots[2] + 3});
  field = torch::matmul(rows, field);
  // A cubic B-spline field of unit coefficients has variance (151 / 315)^3 in the mean.
  return torch::matmul(field.mul_(1.0 / std::pow(151.0 / 315.0, 1.5)), columns.t());
}

std::vector<double> gaussian_taps(double sigma, double shift) {
  const int reach = static_cast<int>(std::ceil(2.5 * sigma + std::abs(shift)));
  std::vector<double> taps;
  for (int tap = -reach; tap <= reach; ++tap)
    taps.push_back(std::exp(-0.5 * std::pow((tap - shift) / std::max(sigma, 0.2), 2)));
  return normalised(std::move(taps));
}

std::vector<double> truncation_taps(double cutoff, double shift) {
  constexpr int reach = 6;
  std::vector<double> taps;
  for (int tap = -reach; tap <= reach; ++tap) {
    const double distance = tap - shift, angle = std::numbers::pi * cutoff * distance;
    const double window = 0.5 + 0.5 * std::cos(std::numbers::pi * distance / (reach + 1));
    taps.push_back(window * (std::abs(angle) < 1e-9 ? 1.0 : std::sin(angle) / angle));
  }
  return normalised(std::move(taps));
}

std::vector<double> linear_taps(double shift) {
  return {std::max(0.0, -shift), 1 - std::abs(shift), std::max(0.0, shift)};
}

torch::Tensor filter_axis(const torch::Tensor& volume, const std::vector<double>& taps, int axis) {
  const auto reach = static_cast<std::int64_t>(taps.size() / 2);
  const std::int64_t length = volume.size(axis);
  torch::Tensor result = volume * taps[static_cast<std::size_t>(reach)];
  for (std::int64_t offset = 1; offset <= reach; ++offset) {
    const std::int64_t inside = std::max<std::int64_t>(0, length - offset), border = length - inside;
    const double before = taps[static_cast<std::size_t>(reach - offset)];
    const double after = taps[static_cast<std::size_t>(reach + offset)];
    if (after != 0) {
      result.narrow(axis, 0, inside).add_(volume.narrow(axis, offset, inside), after);
      result.narrow(axis, inside, border).add_(volume.narrow(axis, length - 1, 1), after);
    }
    if (before != 0) {
      result.narrow(axis, border, inside).add_(volume.narrow(axis, 0, inside), before);
      result.narrow(axis, 0, border).add_(volume.narrow(axis, 0, 1), before);
    }
  }
  return result;
}

torch::Tensor dilate(torch::Tensor mask, int times) {
  for (int round = 0; round < times; ++round) {
    torch::Tensor grown = mask.clone();
    for (int axis = 0; axis < 3; ++axis) {
      const std::int64_t inside = mask.size(axis) - 1;
      grown.narrow(axis, 0, inside).logical_or_(mask.narrow(axis, 1, inside));
      grown.narrow(axis, 1, inside).logical_or_(mask.narrow(axis, 0, inside));
    }
    mask = grown;
  }
  return mask;
}

}  // namespace metserve::models::simulator
