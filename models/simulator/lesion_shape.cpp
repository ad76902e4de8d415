#include "models/simulator/lesion_shape.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <torch/types.h>

namespace metserve::models::simulator {
namespace {

using Vector = std::array<double, 3>;

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

std::array<Vector, 3> random_frame(Random& random) {
  const Vector first = random.direction();
  Vector second = cross(first, random.direction());
  const double length = std::hypot(second[0], second[1], second[2]) + 1e-9;
  for (double& part : second) part /= length;
  return {first, second, cross(first, second)};
}

/// Coordinates of the box's voxels from the centre, mm, as a tensor that broadcasts along `axis`.
torch::Tensor along(std::size_t axis, const Box& box, const Vector& centre, const Canvas& canvas) {
  std::vector<std::int64_t> view{1, 1, 1};
  view[axis] = -1;
  return torch::arange(box.size[axis], torch::kFloat32)
      .add_(static_cast<double>(box.first[axis]) - centre[axis])
      .mul_(canvas.spacing_mm[axis])
      .view(view);
}

double mean_radius_mm(const Lobe& lobe) {
  return std::cbrt(lobe.half_axes_mm[0] * lobe.half_axes_mm[1] * lobe.half_axes_mm[2]);
}

torch::Tensor outside_mm(const Lobe& lobe, const torch::Tensor& slice, const torch::Tensor& row,
                         const torch::Tensor& column) {
  const torch::Tensor s = slice - lobe.offset_mm[0], r = row - lobe.offset_mm[1],
                      c = column - lobe.offset_mm[2];
  torch::Tensor squared;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Vector& unit = lobe.axes[axis];
    const double scale = 1 / lobe.half_axes_mm[axis];
    const torch::Tensor part =
        (s * (unit[0] * scale) + r * (unit[1] * scale) + c * (unit[2] * scale)).square_();
    squared = squared.defined() ? squared.add_(part) : part;
  }
  return squared.sqrt_().sub_(1).mul_(mean_radius_mm(lobe));
}

}  // namespace

Ripple::Ripple(double shortest_mm, double longest_mm, Random& random) {
  for (std::size_t wave = 0; wave < waves; ++wave) {
    const double wave_number = 2 * std::numbers::pi / random.uniform(shortest_mm, longest_mm);
    wave_numbers_[wave] = random.direction();
    for (double& part : wave_numbers_[wave]) part *= wave_number;
    phases_[wave] = random.uniform(0, 2 * std::numbers::pi);
  }
}

torch::Tensor Ripple::at(const torch::Tensor& slice, const torch::Tensor& row,
                         const torch::Tensor& column) const {
  torch::Tensor sum;
  for (std::size_t wave = 0; wave < waves; ++wave) {
    const Vector& k = wave_numbers_[wave];
    const torch::Tensor term = torch::cos(slice * k[0] + row * k[1] + column * k[2] + phases_[wave]);
    sum = sum.defined() ? sum.add_(term) : term;
  }
  return sum.mul_(std::sqrt(2.0 / static_cast<double>(waves)));
}

LesionShape draw_shape(double longest_diameter_mm, const Vector& centre, Random& random) {
  const double d = longest_diameter_mm;
  const auto lobe = [&](double diameter_mm, double away_mm) {
    Lobe one{.axes = random_frame(random),
             .half_axes_mm = {diameter_mm / 2, diameter_mm / 2 * random.uniform(0.7, 1.0),
                              diameter_mm / 2 * random.uniform(0.7, 1.0)}};
    const Vector towards = random.direction();
    for (std::size_t axis = 0; axis < 3; ++axis) one.offset_mm[axis] = away_mm * towards[axis];
    return one;
  };
  LesionShape shape{.centre = centre,
                    .lobes = {},
                    .roughness = random.uniform(0.04, 0.15),
                    .ripple = Ripple(0.5 * d, 1.3 * d, random),
                    .rim_ripple = Ripple(0.5 * d, 1.5 * d, random),
                    .oedema_ripple = Ripple(8 + 0.4 * d, 20 + 1.2 * d, random)};
  const bool lobulated = d > 7 && random.chance(0.35);
  shape.lobes.push_back(lobe(lobulated ? 0.8 * d : d, 0));
  if (lobulated) shape.lobes.push_back(lobe(d * random.uniform(0.4, 0.65), 0.3 * d));
  return shape;
}

torch::Tensor Box::cut(const torch::Tensor& volume) const {
  return volume.narrow(0, first[0], size[0]).narrow(1, first[1], size[1]).narrow(2, first[2], size[2]);
}

Box box_around(const Vector& centre, double reach_mm, const Canvas& canvas) {
  Box box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double reach = reach_mm / canvas.spacing_mm[axis];
    const auto low = static_cast<std::int64_t>(std::floor(centre[axis] - reach));
    const auto high = static_cast<std::int64_t>(std::ceil(centre[axis] + reach));
    box.first[axis] = std::max<std::int64_t>(0, low);
    box.size[axis] = std::min(canvas.shape[axis] - 1, high) - box.first[axis] + 1;
  }
  return box;
}

Distances distances(const LesionShape& shape, const Box& box, const Canvas& canvas) {
  const torch::Tensor slice = along(0, box, shape.centre, canvas);
  const torch::Tensor row = along(1, box, shape.centre, canvas);
  const torch::Tensor column = along(2, box, shape.centre, canvas);
  const double mean_mm = mean_radius_mm(shape.lobes.front());
  torch::Tensor smooth_mm;
  for (const Lobe& lobe : shape.lobes) {
    const torch::Tensor one = outside_mm(lobe, slice, row, column);
    smooth_mm = smooth_mm.defined() ? torch::minimum(smooth_mm, one) : one;
  }
  const torch::Tensor ripple = shape.ripple.at(slice, row, column);
  const torch::Tensor along_oedema = shape.oedema_ripple.at(slice, row, column);
  return {.surface_mm = smooth_mm.sub(ripple, shape.roughness * mean_mm),
          .oedema_mm = smooth_mm.sub(along_oedema, 0.35 * mean_mm + 1.5),
          .rim = shape.rim_ripple.at(slice, row, column).mul_(0.35).add_(1).clamp_min_(0.4),
          .texture = ripple.mul(0.06).add_(1)};
}

}  // namespace metserve::models::simulator
