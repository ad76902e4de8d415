#include "models/simulator/geometry.h"

#include <cmath>
#include <numbers>

#include <torch/nn/functional/vision.h>

namespace metserve::models::simulator {
namespace {

constexpr std::int64_t matrix_size = 256;
constexpr double axial_pixel_mm = 240.0 / 256;

/// Sets the position so that voxel `centre` of the axis lies at `at_mm`.
void centre_axis(Canvas& canvas, std::size_t axis, double at_mm) {
  canvas.first_mm[axis] = at_mm - 0.5 * static_cast<double>(canvas.shape[axis] - 1) * canvas.spacing_mm[axis];
}

double middle(const BrainBox& brain, std::size_t axis) {
  return 0.5 * (brain.low_mm[axis] + brain.high_mm[axis]);
}

void draw_position(Canvas& canvas, Random& random) {
  for (double& part : canvas.brain_centre_lps_mm) part = random.uniform(-15, 15);
}

torch::Tensor scaling(double x, double y, double z) {
  return torch::diag(torch::tensor({x, y, z, 1.0}, torch::kFloat64));
}

}  // namespace

SagittalSeries draw_sagittal_series(Hospital hospital, Random& random) {
  const std::int64_t slices = 2 * random.integer(88, 98);
  if (hospital == Hospital::oslo) return {192, 0.9, 0.9};
  return {slices, 1, 250.0 / 256};
}

Layout network_layout(const BrainBox& brain, Random& random) {
  Layout layout;
  layout.canvas.shape = layout.size = {160, matrix_size, matrix_size};
  layout.canvas.spacing_mm = {1, axial_pixel_mm, axial_pixel_mm};
  layout.canvas.first_mm[0] = brain.high_mm[0] + random.uniform(6, 14) - 159;
  for (std::size_t axis : {1, 2})
    centre_axis(layout.canvas, axis, middle(brain, axis) + random.uniform(-4, 4));
  draw_position(layout.canvas, random);
  return layout;
}

Layout native_layout(const BrainBox& brain, const std::optional<SagittalSeries>& sagittal, Random& random) {
  Layout layout;
  layout.sagittal_reference = sagittal.has_value();
  constexpr std::int64_t margin = 8;
  const double top_mm = brain.high_mm[0] + random.uniform(14, 20);
  Canvas& canvas = layout.canvas;
  if (sagittal) {
    layout.size = {matrix_size, matrix_size, sagittal->slices};
    canvas.spacing_mm = {sagittal->pixel_mm, sagittal->pixel_mm, sagittal->slice_mm};
    layout.first = {margin, margin, margin};
    canvas.shape = {layout.size[0] + 2 * margin, layout.size[1] + 2 * margin, layout.size[2] + 2 * margin};
  } else {
    layout.size = {160, matrix_size, matrix_size};
    canvas.spacing_mm = {1, axial_pixel_mm, axial_pixel_mm};
    canvas.shape = {248, matrix_size + 2 * margin, matrix_size + 2 * margin};
    layout.first = {canvas.shape[0] - 12 - layout.size[0], margin, margin};
  }
  canvas.first_mm[0] = top_mm - static_cast<double>(canvas.shape[0] - margin) * canvas.spacing_mm[0];
  for (std::size_t axis : {1, 2}) centre_axis(canvas, axis, middle(brain, axis) + random.uniform(-4, 4));
  draw_position(canvas, random);
  return layout;
}

SeriesGrid reference_grid(const Layout& layout) {
  const auto& first = layout.first;
  const auto& size = layout.size;
  const auto& spacing = layout.canvas.spacing_mm;
  torch::Tensor to_canvas = torch::zeros({4, 4}, torch::kFloat64);  // (column, row, slice) both
  to_canvas[3][3] = 1;
  if (!layout.sagittal_reference) {
    for (int axis = 0; axis < 3; ++axis) {
      to_canvas[axis][axis] = 1;
      to_canvas[axis][3] = static_cast<double>(first[static_cast<std::size_t>(2 - axis)]);
    }
    return {.shape = size,
            .spacing_mm = spacing,
            .index_to_lps_mm = layout.canvas.index_to_lps_mm().mm(to_canvas)};
  }
  to_canvas[0][2] = -1;  // slices run from left to right
  to_canvas[0][3] = static_cast<double>(first[2] + size[2] - 1);
  to_canvas[1][0] = 1;
  to_canvas[1][3] = static_cast<double>(first[1]);
  to_canvas[2][1] = -1;  // rows run downwards
  to_canvas[2][3] = static_cast<double>(first[0] + size[0] - 1);
  return {.shape = {size[2], size[0], size[1]},
          .spacing_mm = {spacing[2], spacing[0], spacing[1]},
          .index_to_lps_mm = layout.canvas.index_to_lps_mm().mm(to_canvas)};
}

torch::Tensor reference_view(const torch::Tensor& on_canvas, const Layout& layout) {
  torch::Tensor view = on_canvas;
  for (int axis = 0; axis < 3; ++axis)
    view = view.narrow(axis, layout.first[static_cast<std::size_t>(axis)],
                       layout.size[static_cast<std::size_t>(axis)]);
  if (layout.sagittal_reference) view = view.flip({0, 2}).permute({2, 0, 1});
  return view.contiguous();
}

SeriesGrid sagittal_grid(const Canvas& canvas, const SagittalSeries& series, Random& random) {
  SeriesGrid grid;
  grid.shape = {series.slices, matrix_size, matrix_size};
  grid.spacing_mm = {series.slice_mm, series.pixel_mm, series.pixel_mm};
  // The field of view starts above the vertex and is centred on the brain otherwise.
  const double top_mm = canvas.first_mm[0] + static_cast<double>(canvas.shape[0] - 1) * canvas.spacing_mm[0];
  const auto at = [&](std::size_t axis) {
    return canvas.first_mm[axis] +
           0.5 * static_cast<double>(canvas.shape[axis] - 1) * canvas.spacing_mm[axis];
  };
  const auto& centre = canvas.brain_centre_lps_mm;
  grid.index_to_lps_mm = torch::zeros({4, 4}, torch::kFloat64);
  grid.index_to_lps_mm[0][2] = -series.slice_mm;
  grid.index_to_lps_mm[0][3] = centre[0] + at(2) + random.uniform(-2, 2) +
                               0.5 * static_cast<double>(grid.shape[0] - 1) * series.slice_mm;
  grid.index_to_lps_mm[1][0] = series.pixel_mm;
  grid.index_to_lps_mm[1][3] = centre[1] + at(1) + random.uniform(-2, 2) - 127.5 * series.pixel_mm;
  grid.index_to_lps_mm[2][1] = -series.pixel_mm;
  grid.index_to_lps_mm[2][3] = centre[2] + top_mm - random.uniform(0, 4);
  grid.index_to_lps_mm[3][3] = 1.0;
  return grid;
}

torch::Tensor draw_motion(const Canvas& canvas, double limit_deg, double limit_mm, Random& random) {
  torch::Tensor turn = torch::eye(3, torch::kFloat64);
  for (int axis = 0; axis < 3; ++axis) {
    const double angle = random.uniform(-limit_deg, limit_deg) * std::numbers::pi / 180;
    const int a = (axis + 1) % 3, b = (axis + 2) % 3;
    torch::Tensor one = torch::eye(3, torch::kFloat64);
    one[a][a] = one[b][b] = std::cos(angle);
    one[a][b] = -std::sin(angle);
    one[b][a] = std::sin(angle);
    turn = one.mm(turn);
  }
  const auto& at = canvas.brain_centre_lps_mm;
  const torch::Tensor centre = torch::tensor({at[0], at[1], at[2]}, torch::kFloat64);
  torch::Tensor motion = torch::eye(4, torch::kFloat64);
  motion.narrow(0, 0, 3).narrow(1, 0, 3).copy_(turn);
  torch::Tensor moved = centre - turn.mv(centre);
  for (int axis = 0; axis < 3; ++axis) moved[axis] += random.uniform(-limit_mm, limit_mm);
  motion.narrow(0, 0, 3).select(1, 3).copy_(moved);
  return motion;
}

torch::Tensor resample(const torch::Tensor& on_canvas, const Canvas& canvas, const SeriesGrid& series,
                       const torch::Tensor& motion) {
  namespace F = torch::nn::functional;
  const torch::Tensor to_index =
      torch::inverse(canvas.index_to_lps_mm()).mm(torch::inverse(motion)).mm(series.index_to_lps_mm);
  // affine_grid maps -1..1 of the series to -1..1 of the canvas, both from first to last voxel.
  const auto half = [](const Shape& shape, std::size_t axis) {
    return 0.5 * static_cast<double>(shape[axis] - 1);
  };
  const Shape& from = canvas.shape;
  const Shape& to = series.shape;
  torch::Tensor to_unit = scaling(1 / half(from, 2), 1 / half(from, 1), 1 / half(from, 0));
  to_unit.narrow(0, 0, 3).select(1, 3).fill_(-1.0);
  torch::Tensor from_unit = scaling(half(to, 2), half(to, 1), half(to, 0));
  for (int axis = 0; axis < 3; ++axis) from_unit[axis][3] = half(to, static_cast<std::size_t>(2 - axis));
  const torch::Tensor theta = to_unit.mm(to_index).mm(from_unit).narrow(0, 0, 3).to(on_canvas.options());
  const torch::Tensor grid = F::affine_grid(theta.unsqueeze(0), {1, 1, to[0], to[1], to[2]}, true);
  return F::grid_sample(
      on_canvas.unsqueeze(0).unsqueeze(0), grid,
      F::GridSampleFuncOptions().mode(torch::kBilinear).padding_mode(torch::kZeros).align_corners(true))[0]
                                                                                                        [0];
}

}  // namespace metserve::models::simulator
