#include "pipeline/axial.h"

#include <algorithm>
#include <cmath>

#include "pipeline/resample.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve;
using namespace metserve::pipeline;
using dicom::testing::Plane;

namespace {

dicom::VolumeGeometry geometry_of(Plane plane, const dicom::Vec3& spacing_mm) {
  dicom::VolumeGeometry geometry;
  geometry.size = {30, 24, 18};
  geometry.spacing_mm = spacing_mm;
  geometry.axes_lps = dicom::testing::axes_of(plane);
  geometry.origin_lps_mm = {-12.5, 7, 31};
  return geometry;
}

}  // namespace

TEST_CASE("Only rows along x and columns along y are axial", "[axial]") {
  dicom::VolumeGeometry geometry;
  CHECK(is_axial(geometry));
  geometry.axes_lps[0] = {std::cos(0.0005), std::sin(0.0005), 0};
  CHECK(is_axial(geometry));
  geometry.axes_lps[0] = {std::cos(0.01), std::sin(0.01), 0};
  CHECK_FALSE(is_axial(geometry));
  for (const Plane plane : dicom::testing::all_planes)
    CHECK(is_axial(geometry_of(plane, {1, 1, 1})) == (plane == Plane::axial));
}

TEST_CASE("A sagittal volume of 1 mm is only turned, voxel for voxel", "[axial]") {
  for (const Plane plane : dicom::testing::all_planes) {
    if (plane == Plane::oblique) continue;
    dicom::Volume volume{geometry_of(plane, {1, 1, 1}), {}};
    for (std::size_t v = 0; v < volume.geometry.voxel_count(); ++v)
      volume.voxels.push_back(static_cast<float>(v * 7919 % 1000));
    const dicom::VolumeGeometry grid = axial_grid(volume.geometry);
    REQUIRE(grid.voxel_count() == volume.geometry.voxel_count());
    auto turned = resample(volume, grid, {}).voxels;
    const std::vector<std::uint16_t> labels(volume.voxels.begin(), volume.voxels.end());
    const auto turned_labels = labels_on(grid, volume.geometry, labels);
    for (std::size_t v = 0; v < turned.size(); ++v)
      if (std::abs(turned[v] - turned_labels[v]) > 0.01F) FAIL("voxel " << v << " of " << turned[v]);
    std::sort(turned.begin(), turned.end());
    auto sorted = volume.voxels;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t v = 0; v < turned.size(); ++v)
      if (std::abs(turned[v] - sorted[v]) > 0.01F) FAIL("value " << v << " is " << turned[v]);
  }
}

TEST_CASE("Every lesion has its place on the axial grid, whatever the plane and however small", "[axial]") {
  for (const Plane plane : dicom::testing::all_planes)
    for (const dicom::Vec3& spacing : {dicom::Vec3{0.3, 0.3, 0.3}, dicom::Vec3{0.6, 0.6, 4}}) {
      const auto geometry = geometry_of(plane, spacing);
      const auto grid = axial_grid(geometry);
      CHECK(grid.spacing_mm[0] == Approx(std::clamp(spacing[0], 0.5, 1.0)));
      std::vector<std::uint16_t> labels(geometry.voxel_count());
      std::uint16_t count = 0;
      for (std::size_t v = 0; v < labels.size(); v += 431)
        labels[v] = ++count;  // lone voxels, the first in a corner
      labels.back() = ++count;
      const auto found = labels_on(grid, geometry, labels);
      for (std::uint16_t label = 1; label <= count; ++label) {
        const auto at = std::find(found.begin(), found.end(), label);
        REQUIRE(at != found.end());
        const auto v = static_cast<std::size_t>(at - found.begin());
        const auto w =
            static_cast<std::size_t>(std::find(labels.begin(), labels.end(), label) - labels.begin());
        const dicom::Vec3 seen = grid.centre_lps_mm(v), wanted = geometry.centre_lps_mm(w);
        const dicom::Vec3 apart = geometry.index({seen[0] - wanted[0] + geometry.origin_lps_mm[0],
                                                  seen[1] - wanted[1] + geometry.origin_lps_mm[1],
                                                  seen[2] - wanted[2] + geometry.origin_lps_mm[2]});
        for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(apart[c]) * spacing[c] < 0.5 * spacing[c] + 0.45);
      }
    }
}
