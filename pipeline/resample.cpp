#include "pipeline/resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace metserve::pipeline {

namespace {

dicom::Vec3 sum(const dicom::Vec3& a, const dicom::Vec3& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}

/// Affine map from grid indices (i, j, k) to continuous source indices.
struct IndexMap {
  dicom::Vec3 origin{};
  std::array<dicom::Vec3, 3> step{};  ///< per unit of i, j, k

  /// Of the first voxel of slice `k`.
  dicom::Vec3 slice(std::size_t k) const {
    dicom::Vec3 index = origin;
    for (std::size_t c = 0; c < 3; ++c) index[c] += static_cast<double>(k) * step[2][c];
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

/// Where in a voxel of the grid the source is looked at, as source indices from the voxel's centre: evenly
/// over its extent, along each of its axes as many points as it has source voxels, or one where that is
/// below 1.5.
std::vector<dicom::Vec3> sample_offsets(const IndexMap& map) {
  std::vector<dicom::Vec3> offsets{{0, 0, 0}};
  for (const dicom::Vec3& step : map.step) {
    const double voxels = std::hypot(step[0], step[1], step[2]);
    const std::size_t count = voxels < 1.5 ? 1 : static_cast<std::size_t>(std::lround(voxels));
    std::vector<dicom::Vec3> finer;
    for (const dicom::Vec3& offset : offsets)
      for (std::size_t n = 0; n < count; ++n) {
        const double share = (static_cast<double>(n) + 0.5) / static_cast<double>(count) - 0.5;
        finer.push_back(sum(offset, {share * step[0], share * step[1], share * step[2]}));
      }
    offsets = std::move(finer);
  }
  return offsets;
}

/// Sums over the samples of each voxel of a line that lie in the source, and how many those are.
struct LineSums {
  std::vector<float> sum, count;
};

/// Points of a line of the grid, [begin, end).
struct Stretch {
  std::size_t begin, end;
};

/// What remains of `whole` without the points at both ends that are not `wanted`.
template <typename Predicate>
Stretch trimmed(Stretch whole, const Predicate& wanted) {
  while (whole.begin < whole.end && !wanted(whole.begin)) ++whole.begin;
  while (whole.begin < whole.end && !wanted(whole.end - 1)) --whole.end;
  return whole;
}

/// Linear interpolation in one volume.
class Interpolator {
 public:
  explicit Interpolator(const dicom::Volume& source) : voxels_(source.voxels.data()) {
    const auto& size = source.geometry.size;
    for (std::size_t c = 0; c < 3; ++c) last_[c] = static_cast<double>(size[c] - 1);
    up_ = {1, static_cast<std::ptrdiff_t>(size[0]), static_cast<std::ptrdiff_t>(size[0] * size[1])};
  }

  /// Adds the values at the continuous indices `start` + `steps`[n], which lie on a straight line, to `line`:
  /// nothing beyond half a voxel outside the outermost centres, which repeat within it.
  void add_line(const dicom::Vec3& start, const std::vector<dicom::Vec3>& steps, LineSums& line) const {
    // The volume is convex, so the line is in it for one stretch, and away from its faces for a part of that.
    const auto all = [&](std::size_t n, const auto& holds) {
      const dicom::Vec3 index = sum(start, steps[n]);
      return holds(index[0], last_[0]) && holds(index[1], last_[1]) && holds(index[2], last_[2]);
    };
    const Stretch seen = trimmed({0, steps.size()}, [&](std::size_t n) {
      return all(n, [](double index, double last) { return index >= -0.5 && index <= last + 0.5; });
    });
    const Stretch inner = trimmed(seen, [&](std::size_t n) {
      return all(n, [](double index, double last) { return index >= 0 && index < last; });
    });
    const auto add = [&](Stretch part, const auto& value_at) {
      float* sums = line.sum.data();
      for (std::size_t n = part.begin; n < part.end; ++n) sums[n] += value_at(sum(start, steps[n]));
    };
    const auto at_face = [this](const dicom::Vec3& index) { return near_face(index); };
    add({seen.begin, inner.begin}, at_face);
    add(inner, [this](const dicom::Vec3& index) { return blend(index, up_); });
    add({inner.end, seen.end}, at_face);
    for (std::size_t n = seen.begin; n < seen.end; ++n) line.count[n] += 1;
  }

 private:
  using Offsets = std::array<std::ptrdiff_t, 3>;

  /// Of the voxel at or below `index` and those that lie `up` from it.
  float blend(const dicom::Vec3& index, const Offsets& up) const {
    const auto i = static_cast<std::ptrdiff_t>(index[0]), j = static_cast<std::ptrdiff_t>(index[1]),
               k = static_cast<std::ptrdiff_t>(index[2]);
    const auto weight_i = static_cast<float>(index[0] - static_cast<double>(i)),
               weight_j = static_cast<float>(index[1] - static_cast<double>(j)),
               weight_k = static_cast<float>(index[2] - static_cast<double>(k));
    const auto row = [&](const float* voxel) { return voxel[0] + weight_i * (voxel[up[0]] - voxel[0]); };
    const auto plane = [&](const float* voxel) {
      const float low = row(voxel);
      return low + weight_j * (row(voxel + up[1]) - low);
    };
    const float* voxel = voxels_ + i + j * up_[1] + k * up_[2];
    const float low = plane(voxel);
    return low + weight_k * (plane(voxel + up[2]) - low);
  }

  float near_face(dicom::Vec3 index) const {
    Offsets up = up_;
    for (std::size_t c = 0; c < 3; ++c) {
      index[c] = std::clamp(index[c], 0.0, last_[c]);
      if (index[c] == last_[c]) up[c] = 0;
    }
    return blend(index, up);
  }

  const float* voxels_;
  dicom::Vec3 last_{};  ///< index of the last voxel of each axis
  Offsets up_{};        ///< from a voxel to the next of each axis
};

/// Multiples of `step`, from none on.
std::vector<dicom::Vec3> multiples(const dicom::Vec3& step, std::size_t count) {
  std::vector<dicom::Vec3> result(count);
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t c = 0; c < 3; ++c) result[n][c] = static_cast<double>(n) * step[c];
  return result;
}

}  // namespace

void resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
              const RigidTransform& grid_to_source, std::span<float> voxels) {
  const IndexMap map = index_map(grid, source.geometry, grid_to_source);
  const std::vector<dicom::Vec3> offsets = sample_offsets(map);
  const Interpolator interpolator(source);
  const std::array<std::vector<dicom::Vec3>, 2> steps{multiples(map.step[0], grid.size[0]),
                                                      multiples(map.step[1], grid.size[1])};
  // Lines run along the source's rows where they can: along its slices every voxel would be a cache miss.
  const std::size_t along = std::abs(map.step[1][0]) > std::abs(map.step[0][0]) ? 1 : 0, across = 1 - along;
  const std::array<std::size_t, 2> stride{1, grid.size[0]};
  LineSums line;
  for (std::size_t k = 0; k < grid.size[2]; ++k) {
    float* slice = &voxels[k * grid.size[0] * grid.size[1]];
    for (std::size_t n = 0; n < grid.size[across]; ++n) {
      line.sum.assign(grid.size[along], 0);
      line.count.assign(grid.size[along], 0);
      const dicom::Vec3 start = sum(map.slice(k), steps[across][n]);
      for (const dicom::Vec3& offset : offsets) interpolator.add_line(sum(start, offset), steps[along], line);
      float* voxel = slice + n * stride[across];
      for (std::size_t m = 0; m < grid.size[along]; ++m)
        voxel[m * stride[along]] = line.sum[m] / std::max(line.count[m], 1.0F);
    }
  }
}

dicom::Volume resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
                       const RigidTransform& grid_to_source) {
  dicom::Volume result{grid, std::vector<float>(grid.voxel_count())};
  resample(source, grid, grid_to_source, result.voxels);
  return result;
}

}  // namespace metserve::pipeline
