#include "pipeline/head.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pipeline/error.h"

namespace metserve::pipeline {

namespace {

constexpr double level_mm = 4.0;
constexpr double smallest_level_mm2 = 500;

float tissue_threshold(const std::vector<float>& voxels) {
  const double mean = std::accumulate(voxels.begin(), voxels.end(), 0.0) / static_cast<double>(voxels.size());
  double sum = 0;
  std::size_t count = 0;
  for (const float value : voxels)
    if (value > mean) sum += value, ++count;
  if (count == 0) return static_cast<float>(mean);
  return static_cast<float>(0.25 * sum / static_cast<double>(count));
}

std::vector<dicom::Vec3> tissue_points(const dicom::Volume& volume, float threshold) {
  std::vector<dicom::Vec3> points;
  const auto& size = volume.geometry.size;
  const float* voxel = volume.voxels.data();
  for (std::size_t k = 0; k < size[2]; ++k)
    for (std::size_t j = 0; j < size[1]; ++j)
      for (std::size_t i = 0; i < size[0]; ++i)
        if (*voxel++ > threshold)
          points.push_back(volume.geometry.lps_mm(
              {static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
  return points;
}

/// Top of the highest horizontal level that holds enough tissue.
double find_vertex(const std::vector<dicom::Vec3>& points, double voxel_mm3) {
  const auto [low, high] = std::minmax_element(points.begin(), points.end(),
                                               [](const auto& a, const auto& b) { return a[2] < b[2]; });
  const double bottom = (*low)[2];
  std::vector<double> area_mm2(static_cast<std::size_t>(((*high)[2] - bottom) / level_mm) + 1);
  for (const dicom::Vec3& point : points)
    area_mm2[static_cast<std::size_t>((point[2] - bottom) / level_mm)] += voxel_mm3 / level_mm;
  for (std::size_t level = area_mm2.size(); level-- > 0;)
    if (area_mm2[level] >= smallest_level_mm2)
      return std::min((*high)[2], bottom + level_mm * static_cast<double>(level + 1));
  throw Error(Error::Kind::bad_input, "no head in the volume: no level holds 5 cm2 of tissue");
}

double midway(std::vector<double>& values) {
  const auto at = [&values](double share) {
    const auto nth =
        values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), nth, values.end());
    return *nth;
  };
  return 0.5 * (at(0.01) + at(0.99));
}

}  // namespace

Head find_head(const dicom::Volume& coarse, double neck_cut_mm) {
  if (coarse.voxels.empty()) throw Error(Error::Kind::bad_input, "no head in the volume: it has no voxels");
  Head head;
  head.threshold = tissue_threshold(coarse.voxels);
  std::vector<dicom::Vec3> points = tissue_points(coarse, head.threshold);
  if (points.empty()) throw Error(Error::Kind::bad_input, "no head in the volume: all voxels are alike");
  head.vertex_z_lps_mm = find_vertex(points, coarse.geometry.voxel_volume_mm3());
  head.lowest_z_lps_mm = head.vertex_z_lps_mm;
  for (const dicom::Vec3& point : points) head.lowest_z_lps_mm = std::min(head.lowest_z_lps_mm, point[2]);

  std::erase_if(points, [&](const dicom::Vec3& point) {
    return point[2] > head.vertex_z_lps_mm || point[2] < head.vertex_z_lps_mm - neck_cut_mm;
  });
  std::vector<double> values(points.size());
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::transform(points.begin(), points.end(), values.begin(), [axis](const auto& p) { return p[axis]; });
    head.centroid_lps_mm[axis] =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    head.middle_lps_mm[axis] = midway(values);
  }
  return head;
}

}  // namespace metserve::pipeline
