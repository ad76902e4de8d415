#include <cmath>
#include <map>

#include <torch/types.h>

#include "models/simulator/lesions.h"

namespace metserve::models::simulator {
namespace {

/// Of one lesion: all voxels summed, and the ends of its rows, among which the two farthest apart are.
struct Voxels {
  std::array<double, 3> sum{};  ///< column, row, slice
  std::int64_t count = 0;
  std::vector<double> ends;  ///< column, row, slice, 1, one after the other
};

std::map<int, Voxels> collect(const torch::Tensor& numbers) {
  std::map<int, Voxels> lesions;
  const torch::Tensor dense = numbers.contiguous();
  const auto values = dense.accessor<std::int16_t, 3>();
  const std::int64_t columns = dense.size(2);
  for (std::int64_t slice = 0; slice < dense.size(0); ++slice)
    for (std::int64_t row = 0; row < dense.size(1); ++row) {
      const auto line = values[slice][row];
      for (std::int64_t column = 0; column < columns; ++column) {
        const int number = line[column];
        if (number == 0) continue;
        Voxels& voxels = lesions[number];
        const std::array<double, 3> at{static_cast<double>(column), static_cast<double>(row),
                                       static_cast<double>(slice)};
        for (std::size_t axis = 0; axis < 3; ++axis) voxels.sum[axis] += at[axis];
        ++voxels.count;
        const bool starts = column == 0 || line[column - 1] != number;
        const bool stops = column + 1 == columns || line[column + 1] != number;
        if (starts || stops) voxels.ends.insert(voxels.ends.end(), {at[0], at[1], at[2], 1.0});
      }
    }
  return lesions;
}

}  // namespace

std::vector<SimulatedLesion> measure_lesions(const SpatialImage& truth) {
  const torch::Tensor to_lps = truth.index_to_lps_mm.to(torch::kFloat64);
  const torch::Tensor edges = to_lps.narrow(0, 0, 3).narrow(1, 0, 3);
  const double voxel_mm3 = std::abs(torch::det(edges).item<double>());
  std::vector<SimulatedLesion> lesions;
  for (auto& [number, voxels] : collect(truth.voxels)) {
    SimulatedLesion lesion{.number = number};
    const auto count = static_cast<double>(voxels.count);
    const torch::Tensor middle = to_lps.mv(torch::tensor(
        {voxels.sum[0] / count, voxels.sum[1] / count, voxels.sum[2] / count, 1.0}, torch::kFloat64));
    for (std::size_t axis = 0; axis < 3; ++axis)
      lesion.centroid_lps_mm[axis] = middle[static_cast<std::int64_t>(axis)].item<double>();
    const torch::Tensor ends = torch::from_blob(
        voxels.ends.data(), {static_cast<std::int64_t>(voxels.ends.size() / 4), 4}, torch::kFloat64);
    const torch::Tensor points = ends.mm(to_lps.t()).narrow(1, 0, 3);
    lesion.diameter_mm = torch::cdist(points, points).max().item<double>() + std::cbrt(voxel_mm3);
    lesion.volume_mm3 = count * voxel_mm3;
    lesions.push_back(lesion);
  }
  return lesions;
}

}  // namespace metserve::models::simulator
