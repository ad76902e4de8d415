#include "models/components.h"

#include <cmath>
#include <numeric>

#include <torch/linalg.h>
#include <torch/types.h>

namespace metserve::models {
namespace {

/// Sets of provisional labels that turned out to be one part (Galler and Fischer 1964).
class DisjointSets {
 public:
  std::int32_t add() {
    parent_.push_back(static_cast<std::int32_t>(parent_.size()));
    return parent_.back();
  }
  std::int32_t root(std::int32_t label) {
    while (parent_[at(label)] != label) label = parent_[at(label)] = parent_[at(parent_[at(label)])];
    return label;
  }
  void join(std::int32_t a, std::int32_t b) {
    a = root(a);
    b = root(b);
    parent_[at(std::max(a, b))] = std::min(a, b);
  }

 private:
  static std::size_t at(std::int32_t label) { return static_cast<std::size_t>(label); }
  std::vector<std::int32_t> parent_{0};  // 0 is the background
};

struct Offset {
  std::int64_t slice, row, column;
};

/// The thirteen neighbours that come before a voxel in raster order.
std::vector<Offset> neighbours_before() {
  std::vector<Offset> offsets;
  for (std::int64_t z = -1; z <= 0; ++z)
    for (std::int64_t y = -1; y <= 1; ++y)
      for (std::int64_t x = -1; x <= 1; ++x)
        if (z < 0 || y < 0 || (y == 0 && x < 0)) offsets.push_back({z, y, x});
  return offsets;
}

}  // namespace

Components label_components(const torch::Tensor& mask) {
  static const std::vector<Offset> offsets = neighbours_before();
  const torch::Tensor voxels = mask.nonzero();  // in raster order
  const torch::Tensor strides = torch::tensor({mask.size(1) * mask.size(2), mask.size(2), std::int64_t{1}});
  Components result;
  result.labels = torch::zeros(mask.sizes(), torch::kInt32);
  result.places = voxels.mul(strides).sum(1);
  auto label = result.labels.accessor<std::int32_t, 3>();
  const auto at = voxels.accessor<std::int64_t, 2>();
  DisjointSets sets;
  for (std::int64_t i = 0; i < voxels.size(0); ++i) {
    const std::int64_t z = at[i][0], y = at[i][1], x = at[i][2];
    std::int32_t own = 0;
    for (const Offset& o : offsets) {
      if (z + o.slice < 0 || y + o.row < 0 || y + o.row >= mask.size(1) || x + o.column < 0 ||
          x + o.column >= mask.size(2))
        continue;
      const std::int32_t other = label[z + o.slice][y + o.row][x + o.column];
      if (other == 0) continue;
      if (own == 0)
        own = other;
      else
        sets.join(own, other);
    }
    label[z][y][x] = own == 0 ? sets.add() : own;
  }
  std::vector<std::int32_t> number_of_root;
  for (std::int64_t i = 0; i < voxels.size(0); ++i) {
    std::int32_t& value = label[at[i][0]][at[i][1]][at[i][2]];
    const auto root = static_cast<std::size_t>(sets.root(value));
    if (root >= number_of_root.size()) number_of_root.resize(root + 1, 0);
    if (number_of_root[root] == 0) {
      result.voxels.push_back(0);
      number_of_root[root] = static_cast<std::int32_t>(result.voxels.size());
    }
    value = number_of_root[root];
    ++result.voxels[static_cast<std::size_t>(value - 1)];
  }
  result.part = result.labels.flatten().index_select(0, result.places).to(torch::kInt64).sub(1);
  return result;
}

double longest_diameter_mm(const torch::Tensor& mask, const std::array<double, 3>& spacing_mm) {
  // The two voxels farthest apart are ends of rows, which are few.
  const torch::Tensor before = torch::constant_pad_nd(mask, {1, 0}).narrow(2, 0, mask.size(2));
  const torch::Tensor after = torch::constant_pad_nd(mask, {0, 1}).narrow(2, 1, mask.size(2));
  const torch::Tensor ends = mask.logical_and(before.logical_and(after).logical_not()).nonzero();
  const torch::Tensor scale = torch::tensor({spacing_mm[2], spacing_mm[1], spacing_mm[0]}, torch::kFloat64);
  const torch::Tensor points = ends.to(torch::kFloat64) * scale;
  const double edge = std::cbrt(spacing_mm[0] * spacing_mm[1] * spacing_mm[2]);
  return torch::cdist(points, points).max().item<double>() + edge;
}

torch::Tensor roundness(const Components& components, const std::array<double, 3>& spacing_mm) {
  const auto count = static_cast<std::int64_t>(components.voxels.size());
  if (count == 0) return torch::zeros({0}, torch::kFloat64);
  const torch::Tensor voxels = torch::tensor(components.voxels, torch::kInt64).to(torch::kFloat64);
  const auto mean = [&](const torch::Tensor& values) {
    return torch::bincount(components.part, values, count) / voxels;
  };
  const torch::Tensor edges = torch::tensor({spacing_mm[2], spacing_mm[1], spacing_mm[0]}, torch::kFloat64);
  std::vector<torch::Tensor> offsets;  // of each voxel from the centre of its part, mm
  torch::Tensor rest = components.places;
  for (const std::int64_t axis : {2, 1, 0}) {
    const std::int64_t size = components.labels.size(axis);
    const torch::Tensor position = rest.remainder(size) * edges[axis];
    rest = rest.div(size, "floor");
    offsets.push_back(position - mean(position).index_select(0, components.part));
  }
  std::vector<torch::Tensor> moments;
  for (const torch::Tensor& a : offsets)
    for (const torch::Tensor& b : offsets) moments.push_back(mean(a * b));
  const torch::Tensor ellipsoids =
      torch::stack(moments, 1).view({count, 3, 3}) + torch::diag(edges.flip(0).square() / 12);
  const torch::Tensor axes = torch::linalg::eigvalsh(ellipsoids, "L").sqrt();  // ascending
  return axes.select(1, 0) / axes.select(1, 2);
}

}  // namespace metserve::models
