#include "pipeline/resample.h"

#include <algorithm>
#include <cmath>

#include "pipeline/box_average.h"

namespace metserve::pipeline {

namespace {

/// Affine map from grid indices (i, j, k) to continuous source indices.
struct IndexMap {
  dicom::Vec3 origin{};
  std::array<dicom::Vec3, 3> step{};  ///< per unit of i, j, k

  dicom::Vec3 at(std::size_t j, std::size_t k) const {
    dicom::Vec3 index = origin;
    for (std::size_t c = 0; c < 3; ++c)
      index[c] += static_cast<double>(j) * step[1][c] + static_cast<double>(k) * step[2][c];
    return index;
  }
};

IndexMap index_map(const dicom::VolumeGeometry& grid, const dicom::VolumeGeometry& source,
                   const RigidTransform& grid_to_source) {
  const auto map = [&](const dicom::Vec3& ijk) {
    return source.index(grid_to_source.apply(grid.lps_mm(ijk)));
  };
  IndexMap result;
  result.origin = map({0, 0, 0});
  for (std::size_t axis = 0; axis < 3; ++axis) {
    dicom::Vec3 unit{};
    unit[axis] = 1;
    const dicom::Vec3 there = map(unit);
    for (std::size_t c = 0; c < 3; ++c) result.step[axis][c] = there[c] - result.origin[c];
  }
  return result;
}

/// How many source voxels fit into one of the grid, along each source axis.
std::array<std::size_t, 3> averaging_box(const dicom::VolumeGeometry& grid,
                                         const dicom::VolumeGeometry& source,
                                         const RigidTransform& grid_to_source) {
  const IndexMap map = index_map(grid, source, grid_to_source);
  std::array<std::size_t, 3> box{};
  for (std::size_t c = 0; c < 3; ++c) {
    double voxels = 0;
    for (const dicom::Vec3& step : map.step) voxels = std::max(voxels, std::abs(step[c]));
    box[c] = voxels < 1.5 ? 1 : static_cast<std::size_t>(std::lround(voxels));
  }
  return box;
}

/// The two neighbours along one axis and the weight of the upper one; the outer half voxel repeats the edge.
struct Neighbours {
  std::size_t lower, upper;
  float weight;
};

bool neighbours(double index, std::size_t size, Neighbours& result) {
  const auto last = static_cast<double>(size - 1);
  if (index < -0.5 || index > last + 0.5) return false;
  const double inside = std::clamp(index, 0.0, last);
  result.lower = static_cast<std::size_t>(inside);
  result.upper = std::min(result.lower + 1, size - 1);
  result.weight = static_cast<float>(inside - static_cast<double>(result.lower));
  return true;
}

float linear(const dicom::Volume& source, const dicom::Vec3& index) {
  const auto& size = source.geometry.size;
  Neighbours i{}, j{}, k{};
  if (!neighbours(index[0], size[0], i) || !neighbours(index[1], size[1], j) ||
      !neighbours(index[2], size[2], k))
    return 0;
  const float* voxels = source.voxels.data();
  const auto row = [&](std::size_t at_j, std::size_t at_k) {
    const float* start = voxels + (at_k * size[1] + at_j) * size[0];
    return start[i.lower] + i.weight * (start[i.upper] - start[i.lower]);
  };
  const auto plane = [&](std::size_t at_k) {
    const float low = row(j.lower, at_k);
    return low + j.weight * (row(j.upper, at_k) - low);
  };
  const float low = plane(k.lower);
  return low + k.weight * (plane(k.upper) - low);
}

}  // namespace

dicom::Volume resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
                       const RigidTransform& grid_to_source) {
  const auto box = averaging_box(grid, source.geometry, grid_to_source);
  const bool finer = *std::max_element(box.begin(), box.end()) > 1;
  const dicom::Volume averaged = finer ? box_average(source, box) : dicom::Volume{};
  const dicom::Volume& from = finer ? averaged : source;

  const IndexMap map = index_map(grid, from.geometry, grid_to_source);
  dicom::Volume result{grid, std::vector<float>(grid.voxel_count())};
  float* voxel = result.voxels.data();
  for (std::size_t k = 0; k < grid.size[2]; ++k)
    for (std::size_t j = 0; j < grid.size[1]; ++j) {
      const dicom::Vec3 row = map.at(j, k);
      for (std::size_t i = 0; i < grid.size[0]; ++i) {
        const auto step = static_cast<double>(i);
        *voxel++ = linear(from, {row[0] + step * map.step[0][0], row[1] + step * map.step[0][1],
                                 row[2] + step * map.step[0][2]});
      }
    }
  return result;
}

}  // namespace metserve::pipeline
