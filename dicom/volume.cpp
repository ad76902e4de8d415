#include "dicom/volume.h"

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

}  // namespace metserve::dicom
