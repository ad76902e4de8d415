#include "models/simulator/pose.h"

#include <cmath>
#include <numbers>
#include <vector>

#include <torch/types.h>

#include "models/simulator/tissue.h"

namespace metserve::models::simulator {
namespace {

/// Rotation by `degrees` in the plane of axes `a` and `b`: [3, 3] float64.
torch::Tensor rotation(int a, int b, double degrees) {
  torch::Tensor matrix = torch::eye(3, torch::kFloat64);
  const double angle = degrees * std::numbers::pi / 180;
  matrix[a][a] = matrix[b][b] = std::cos(angle);
  matrix[a][b] = -std::sin(angle);
  matrix[b][a] = std::sin(angle);
  return matrix;
}

}  // namespace

torch::Tensor Canvas::index_to_lps_mm() const {
  torch::Tensor matrix = torch::eye(4, torch::kFloat64);
  for (int lps = 0; lps < 3; ++lps) {
    const auto axis = static_cast<std::size_t>(2 - lps);
    matrix[lps][lps] = spacing_mm[axis];
    matrix[lps][3] = first_mm[axis] + brain_centre_lps_mm[static_cast<std::size_t>(lps)];
  }
  return matrix;
}

Pose draw_pose(Random& random) {
  torch::Tensor scale = torch::eye(3, torch::kFloat64);
  const double size = random.uniform(0.94, 1.06);
  for (int axis = 0; axis < 3; ++axis) scale[axis][axis] = size * random.uniform(0.96, 1.04);
  if (random.chance(0.5)) scale[2][2] = -scale[2][2];
  Pose pose;
  pose.head_from_canvas = scale.mm(rotation(0, 1, random.uniform(-10, 10)))
                              .mm(rotation(0, 2, random.uniform(-5, 5)))
                              .mm(rotation(1, 2, random.uniform(-6, 6)));
  pose.knot_mm = random.uniform(25, 50);
  pose.displacement_mm = pose.knot_mm * random.uniform(0.02, 0.07);
  return pose;
}

BrainBox posed_brain(const Head& head, const Pose& pose) {
  constexpr std::int64_t every = 3;
  const auto all = torch::indexing::Slice(torch::indexing::None, torch::indexing::None, every);
  const torch::Tensor coarse = head.tissue.index({all, all, all}).contiguous();
  const torch::Tensor brain =
      any_of(coarse, {Tissue::white_matter, Tissue::cortex, Tissue::cerebellar_cortex});
  const torch::Tensor centre =
      torch::tensor({head.brain_centre[0], head.brain_centre[1], head.brain_centre[2]}, torch::kFloat64);
  const torch::Tensor points = (brain.nonzero().cpu().to(torch::kFloat64) * every - centre) * head.spacing_mm;
  const torch::Tensor posed = points.mm(torch::inverse(pose.head_from_canvas).t());
  const torch::Tensor low = posed.amin(0), high = posed.amax(0);
  BrainBox box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.low_mm[axis] = low[static_cast<std::int64_t>(axis)].item<double>();
    box.high_mm[axis] = high[static_cast<std::int64_t>(axis)].item<double>();
  }
  return box;
}

torch::Tensor sampling_grid(const Head& head, const Pose& pose, const Canvas& canvas, Random& random) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(head.tissue.device());
  const auto [slices, rows, columns] = canvas.shape;
  torch::Tensor grid = torch::empty({1, slices, rows, columns, 3}, options);
  const double knot_voxels = pose.knot_mm / canvas.spacing_mm[0];
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    // Voxels of the head to -1..1.
    const double half = 0.5 * static_cast<double>(head.tissue.size(axis) - 1);
    const double per_mm = 1 / (head.spacing_mm * half), at_centre = head.brain_centre[a] / half - 1;
    torch::Tensor where = smooth_field(canvas.shape, knot_voxels, random, head.tissue.device());
    where.mul_(pose.displacement_mm * per_mm).add_(at_centre);
    for (int from = 0; from < 3; ++from) {
      const auto f = static_cast<std::size_t>(from);
      std::vector<std::int64_t> view{1, 1, 1};
      view[f] = -1;
      torch::Tensor along_mm = torch::arange(canvas.shape[f], options);
      along_mm.mul_(canvas.spacing_mm[f]).add_(canvas.first_mm[f]);
      where.add_(along_mm.mul_(pose.head_from_canvas[axis][from].item<double>() * per_mm).view(view));
    }
    grid.select(4, 2 - axis).copy_(where.unsqueeze(0));
  }
  return grid;
}

}  // namespace metserve::models::simulator
