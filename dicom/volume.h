#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace metserve::dicom {

using Vec3 = std::array<double, 3>;

/// A regular grid in patient space: LPS millimetres (PS3.3 C.7.6.2.1.1), voxel centres.
/// Axis order of every triple here: column i (fastest), row j, slice k.
struct VolumeGeometry {
  std::array<std::size_t, 3> size{};  ///< columns, rows, slices
  Vec3 spacing_mm{1, 1, 1};           ///< between columns, between rows, between slices
  Vec3 origin_lps_mm{};               ///< centre of voxel (0, 0, 0)
  std::array<Vec3, 3> axes_lps{Vec3{1, 0, 0}, Vec3{0, 1, 0},
                               Vec3{0, 0, 1}};  ///< unit vectors of i, j, k; i x j = k

  std::size_t voxel_count() const { return size[0] * size[1] * size[2]; }
  double voxel_volume_mm3() const { return spacing_mm[0] * spacing_mm[1] * spacing_mm[2]; }
  Vec3 lps_mm(const Vec3& ijk) const;           ///< continuous index to patient space
  Vec3 index(const Vec3& point_lps_mm) const;   ///< patient space to continuous index
  Vec3 centre_lps_mm(std::size_t voxel) const;  ///< of a voxel, by its place in C order
  /// The place in C order of the voxel that holds a continuous index; nothing outside the grid.
  std::optional<std::size_t> voxel_at(const Vec3& ijk) const {
    std::size_t voxel = 0;
    for (std::size_t axis = 3; axis-- > 0;) {
      const double nearest = std::round(ijk[axis]);
      if (!(nearest >= 0 && nearest < static_cast<double>(size[axis]))) return std::nullopt;
      voxel = voxel * size[axis] + static_cast<std::size_t>(nearest);
    }
    return voxel;
  }
};

/// Where a direction in patient space (LPS, a unit vector) leads, as Patient Orientation says it (PS3.3
/// C.7.6.1.1.1): L or R, P or A, H or F, the most important first; what is less than 6 degrees of it is left
/// out.
std::string patient_letters(const Vec3& direction_lps);

/// `voxels`: [slices, rows, columns] in C order, rescale slope and intercept applied.
struct Volume {
  VolumeGeometry geometry;
  std::vector<float> voxels;
};

}  // namespace metserve::dicom
