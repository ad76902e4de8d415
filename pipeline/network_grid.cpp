#include "pipeline/network_grid.h"

#include <algorithm>
#include <cmath>

#include "pipeline/box_average.h"
#include "pipeline/head.h"

namespace metserve::pipeline {

namespace {

constexpr double coarse_mm = 4;

struct Range {
  double low, high;
};

/// Lowest and highest z of the volume's voxel centres.
Range z_range_mm(const dicom::VolumeGeometry& geometry) {
  Range range{geometry.origin_lps_mm[2], geometry.origin_lps_mm[2]};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double reach =
        geometry.axes_lps[axis][2] * geometry.spacing_mm[axis] * static_cast<double>(geometry.size[axis] - 1);
    (reach < 0 ? range.low : range.high) += reach;
  }
  return range;
}

/// The reference's voxel centre nearest to `point`.
dicom::Vec3 nearest_voxel(const dicom::VolumeGeometry& geometry, const dicom::Vec3& point) {
  dicom::Vec3 ijk = geometry.index(point);
  for (double& i : ijk) i = std::round(i);
  return geometry.lps_mm(ijk);
}

}  // namespace

dicom::VolumeGeometry network_grid(const dicom::Volume& reference, const std::array<double, 3>& spacing_mm,
                                   const NetworkGridOptions& options) {
  const Head head =
      find_head(box_average(reference, box_of(reference.geometry, coarse_mm)), options.depth_mm);
  const Range volume = z_range_mm(reference.geometry);
  const double top = std::min(volume.high, head.vertex_z_lps_mm + options.above_vertex_mm);
  const double bottom =
      std::max({volume.low, head.lowest_z_lps_mm - coarse_mm, head.vertex_z_lps_mm - options.depth_mm});

  dicom::VolumeGeometry grid;
  grid.spacing_mm = spacing_mm;
  const double slices = std::floor((top - bottom) / grid.spacing_mm[2] + 1e-6) + 1;
  grid.size = {network_edge, network_edge, static_cast<std::size_t>(std::max(1.0, slices))};
  for (std::size_t axis = 0; axis < 2; ++axis)
    grid.origin_lps_mm[axis] = head.middle_lps_mm[axis] - 0.5 * network_edge * grid.spacing_mm[axis];
  grid.origin_lps_mm[2] = bottom;
  grid.origin_lps_mm = nearest_voxel(reference.geometry, grid.origin_lps_mm);
  return grid;
}

}  // namespace metserve::pipeline
