#include "dicom/volume.h"

#include <limits>

#include "tests/catch.h"

using namespace metserve::dicom;

namespace {

/// Sagittal, turned by 30 degrees about the left-right axis.
const VolumeGeometry turned{
    .size = {5, 4, 3},
    .spacing_mm = {0.5, 2, 1.5},
    .origin_lps_mm = {-30, 12, 80},
    .axes_lps = {Vec3{0, 0.8660254037844387, 0.5}, Vec3{0, 0.5, -0.8660254037844387}, Vec3{-1, 0, 0}}};

}  // namespace

TEST_CASE("A voxel's place in C order leads to its centre and back", "[dicom][volume]") {
  const Vec3 last = turned.centre_lps_mm(turned.voxel_count() - 1), same = turned.lps_mm({4, 3, 2});
  for (std::size_t axis = 0; axis < 3; ++axis) CHECK(last[axis] == Approx(same[axis]));
  for (std::size_t voxel = 0; voxel < turned.voxel_count(); ++voxel)
    CHECK(turned.voxel_at(turned.index(turned.centre_lps_mm(voxel))) == voxel);
}

TEST_CASE("A point belongs to the voxel within half of whose edges it lies, or to none", "[dicom][volume]") {
  CHECK(turned.voxel_at({1.4, 2.6, 0.2}) == 16);  // column 1, row 3, slice 0
  CHECK(turned.voxel_at({-0.49, 0, 2.49}) == 40);
  CHECK_FALSE(turned.voxel_at({-0.51, 0, 0}));
  CHECK_FALSE(turned.voxel_at({0, 3.51, 0}));
  CHECK_FALSE(turned.voxel_at({0, 0, std::numeric_limits<double>::quiet_NaN()}));
}
