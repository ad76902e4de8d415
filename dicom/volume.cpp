#include "dicom/volume.h"

#include <algorithm>
#include <cmath>

namespace metserve::dicom {

Vec3 VolumeGeometry::lps_mm(const Vec3& ijk) const {
  Vec3 point = origin_lps_mm;
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (std::size_t c = 0; c < 3; ++c) point[c] += axes_lps[axis][c] * spacing_mm[axis] * ijk[axis];
  return point;
}

Vec3 VolumeGeometry::index(const Vec3& point_lps_mm) const {
  Vec3 ijk{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (std::size_t c = 0; c < 3; ++c) ijk[axis] += axes_lps[axis][c] * (point_lps_mm[c] - origin_lps_mm[c]);
    ijk[axis] /= spacing_mm[axis];
  }
  return ijk;
}

Vec3 VolumeGeometry::centre_lps_mm(std::size_t voxel) const {
  const std::size_t column = voxel % size[0], row = voxel / size[0] % size[1];
  const std::size_t slice = voxel / (size[0] * size[1]);
  return lps_mm({static_cast<double>(column), static_cast<double>(row), static_cast<double>(slice)});
}

std::string patient_letters(const Vec3& direction_lps) {
  constexpr double least = 0.1;  // sine of 6 degrees
  constexpr std::array<const char*, 3> towards{"L", "P", "H"}, away{"R", "A", "F"};
  std::array<std::size_t, 3> order{0, 1, 2};
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(direction_lps[a]) > std::abs(direction_lps[b]);
  });
  std::string letters;
  for (const std::size_t axis : order)
    if (std::abs(direction_lps[axis]) >= least)
      letters += direction_lps[axis] > 0 ? towards[axis] : away[axis];
  return letters;
}

}  // namespace metserve::dicom
