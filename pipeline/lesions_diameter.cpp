#include "pipeline/lesions_diameter.h"

#include <algorithm>
#include <cmath>

namespace metserve::pipeline {
namespace {

using Voxel = std::array<std::size_t, 3>;

/// The lesion's bounding box as a mask with a margin, so that neighbours need no range checks.
struct LocalMask {
  static constexpr int margin = 2;
  std::array<std::ptrdiff_t, 3> low{}, size{};
  std::vector<bool> set;

  explicit LocalMask(const std::vector<Voxel>& voxels) {
    Voxel least = voxels.front(), most = voxels.front();
    for (const Voxel& v : voxels)
      for (std::size_t axis = 0; axis < 3; ++axis) {
        least[axis] = std::min(least[axis], v[axis]);
        most[axis] = std::max(most[axis], v[axis]);
      }
    for (std::size_t axis = 0; axis < 3; ++axis) {
      low[axis] = static_cast<std::ptrdiff_t>(least[axis]) - margin;
      size[axis] = static_cast<std::ptrdiff_t>(most[axis] - least[axis]) + 1 + 2 * margin;
    }
    set.assign(static_cast<std::size_t>(size[0] * size[1] * size[2]), false);
    for (const Voxel& v : voxels) set[static_cast<std::size_t>(at(v))] = true;
  }

  std::ptrdiff_t step(std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t k) const {
    return (k * size[1] + j) * size[0] + i;
  }
  std::ptrdiff_t at(const Voxel& v) const {
    return step(static_cast<std::ptrdiff_t>(v[0]) - low[0], static_cast<std::ptrdiff_t>(v[1]) - low[1],
                static_cast<std::ptrdiff_t>(v[2]) - low[2]);
  }
};

/// One of each pair of opposite steps within two voxels, nearest first.
std::vector<std::ptrdiff_t> half_neighbourhood(const LocalMask& mask) {
  std::vector<std::pair<int, std::ptrdiff_t>> steps;
  constexpr int reach = LocalMask::margin;
  for (int k = 0; k <= reach; ++k)
    for (int j = -reach; j <= reach; ++j)
      for (int i = -reach; i <= reach; ++i)
        if (k > 0 || j > 0 || (j == 0 && i > 0))
          steps.emplace_back(i * i + j * j + k * k, mask.step(i, j, k));
  std::sort(steps.begin(), steps.end());
  std::vector<std::ptrdiff_t> nearest_first;
  nearest_first.reserve(steps.size());
  for (const auto& step : steps) nearest_first.push_back(step.second);
  return nearest_first;
}

/// Voxels that can be corners of the convex hull: none of them lies midway between two others.
std::vector<Voxel> hull_candidates(const std::vector<Voxel>& voxels) {
  const LocalMask mask(voxels);
  const auto steps = half_neighbourhood(mask);
  std::vector<Voxel> candidates;
  for (const Voxel& v : voxels) {
    const std::ptrdiff_t at = mask.at(v);
    const bool between = std::any_of(steps.begin(), steps.end(), [&](std::ptrdiff_t step) {
      return mask.set[static_cast<std::size_t>(at + step)] && mask.set[static_cast<std::size_t>(at - step)];
    });
    if (!between) candidates.push_back(v);
  }
  return candidates;
}

struct RadialPoint {
  dicom::Vec3 point_mm{};
  double radius_mm = 0;  ///< from the candidates' mean
};

std::vector<RadialPoint> by_falling_radius(const std::vector<Voxel>& voxels, const dicom::Vec3& spacing_mm) {
  std::vector<RadialPoint> points(voxels.size());
  dicom::Vec3 mean{};
  for (std::size_t n = 0; n < voxels.size(); ++n)
    for (std::size_t axis = 0; axis < 3; ++axis) {
      points[n].point_mm[axis] = static_cast<double>(voxels[n][axis]) * spacing_mm[axis];
      mean[axis] += points[n].point_mm[axis] / static_cast<double>(voxels.size());
    }
  for (RadialPoint& p : points)
    p.radius_mm = std::hypot(p.point_mm[0] - mean[0], p.point_mm[1] - mean[1], p.point_mm[2] - mean[2]);
  std::stable_sort(points.begin(), points.end(),
                   [](const RadialPoint& a, const RadialPoint& b) { return a.radius_mm > b.radius_mm; });
  return points;
}

/// Of a voxel in the direction of `along_mm`, whose squared length is given: its edges' root mean square,
/// weighted by the squares of the direction's cosines.
double voxel_length_mm(const dicom::Vec3& along_mm, double squared, const dicom::Vec3& spacing_mm) {
  const auto& [x, y, z] = along_mm;
  return std::hypot(x * spacing_mm[0], y * spacing_mm[1], z * spacing_mm[2]) / std::sqrt(squared);
}

}  // namespace

double longest_diameter_mm(const std::vector<Voxel>& voxels, const dicom::Vec3& spacing_mm) {
  const auto points = by_falling_radius(hull_candidates(voxels), spacing_mm);
  const double longest_edge = std::max({spacing_mm[0], spacing_mm[1], spacing_mm[2]});
  double longest = longest_edge;  // of a voxel with itself
  for (std::size_t a = 0; a < points.size(); ++a)
    // Two points are no farther apart than their radii together, so the rest cannot win.
    for (std::size_t b = a + 1;
         b < points.size() && points[a].radius_mm + points[b].radius_mm + longest_edge > longest; ++b) {
      dicom::Vec3 d{};
      for (std::size_t axis = 0; axis < 3; ++axis)
        d[axis] = points[a].point_mm[axis] - points[b].point_mm[axis];
      const double squared = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
      const double needed = longest - longest_edge;  // even with the longest voxel
      if (squared <= needed * needed) continue;
      longest = std::max(longest, std::sqrt(squared) + voxel_length_mm(d, squared, spacing_mm));
    }
  return longest;
}

double longest_diameter_in_plane_mm(const std::vector<Voxel>& voxels, const dicom::Vec3& spacing_mm) {
  const dicom::Vec3 in_plane_mm{spacing_mm[0], spacing_mm[1], 0};
  double longest = 0;
  for (auto first = voxels.begin(); first != voxels.end();) {
    const auto last =
        std::find_if(first, voxels.end(), [&](const Voxel& voxel) { return voxel[2] != (*first)[2]; });
    longest = std::max(longest, longest_diameter_mm({first, last}, in_plane_mm));
    first = last;
  }
  return longest;
}

}  // namespace metserve::pipeline
