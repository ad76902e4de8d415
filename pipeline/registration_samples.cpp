#include "pipeline/registration_samples.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace metserve::pipeline {

namespace {

/// 1 where tissue lies within `margin` voxels (column, row, slice) along the axes, a box dilation.
std::vector<std::uint8_t> dilated_tissue(const dicom::Volume& volume, float threshold, double margin_mm) {
  std::vector<std::uint8_t> mask(volume.voxels.size());
  std::transform(volume.voxels.begin(), volume.voxels.end(), mask.begin(),
                 [threshold](float value) { return static_cast<std::uint8_t>(value > threshold); });
  const auto& size = volume.geometry.size;
  const std::array<std::size_t, 3> step{1, size[0], size[0] * size[1]};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto reach = static_cast<std::size_t>(std::lround(margin_mm / volume.geometry.spacing_mm[axis]));
    std::vector<std::uint8_t> wider = mask;
    for (std::size_t v = 0; v < mask.size(); ++v) {
      if (!mask[v]) continue;
      const std::size_t at = (v / step[axis]) % size[axis];
      for (std::size_t r = 1; r <= reach; ++r) {
        if (at >= r) wider[v - r * step[axis]] = 1;
        if (at + r < size[axis]) wider[v + r * step[axis]] = 1;
      }
    }
    mask.swap(wider);
  }
  return mask;
}

/// The nth point of the sequence in the unit cube.
dicom::Vec3 quasi_random(std::size_t n) {
  constexpr double golden = 1.22074408460575947536;  // root of x^4 = x + 1
  dicom::Vec3 point{};
  double step = 1;
  for (double& coordinate : point) {
    step /= golden;
    coordinate = std::fmod(0.5 + step * static_cast<double>(n), 1.0);
  }
  return point;
}

}  // namespace

std::vector<dicom::Vec3> sample_points(const dicom::Volume& coarse, const Head& head,
                                       const SampleOptions& options) {
  const auto& size = coarse.geometry.size;
  std::vector<std::uint8_t> mask(coarse.voxels.size(), 1);
  if (options.margin_mm >= 0) mask = dilated_tissue(coarse, head.threshold, options.margin_mm);
  const double lowest = head.vertex_z_lps_mm - options.neck_cut_mm;
  constexpr std::size_t block = 4;  // voxels
  const std::array<std::size_t, 3> blocks{size[0] / block + 1, size[1] / block + 1, size[2] / block + 1};
  std::vector<std::vector<dicom::Vec3>> points_of(blocks[0] * blocks[1] * blocks[2]);
  const std::size_t tries = 20 * options.count;
  std::size_t count = 0;
  for (std::size_t n = 1; n <= tries && count < options.count; ++n) {
    dicom::Vec3 ijk = quasi_random(n);
    for (std::size_t axis = 0; axis < 3; ++axis) ijk[axis] *= static_cast<double>(size[axis] - 1);
    const std::array<std::size_t, 3> voxel{static_cast<std::size_t>(std::lround(ijk[0])),
                                           static_cast<std::size_t>(std::lround(ijk[1])),
                                           static_cast<std::size_t>(std::lround(ijk[2]))};
    if (!mask[(voxel[2] * size[1] + voxel[1]) * size[0] + voxel[0]]) continue;
    const dicom::Vec3 point = coarse.geometry.lps_mm(ijk);
    if (point[2] < lowest) continue;
    points_of[(voxel[2] / block * blocks[1] + voxel[1] / block) * blocks[0] + voxel[0] / block].push_back(
        point);
    ++count;
  }
  std::vector<dicom::Vec3> points;
  points.reserve(count);
  for (const auto& some : points_of) points.insert(points.end(), some.begin(), some.end());
  return points;
}

}  // namespace metserve::pipeline
