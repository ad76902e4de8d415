#include "dicom/mr_writer.h"

#include <cmath>

#include "dicom/error.h"
#include "tests/catch.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

struct Plane {
  const char* name;
  Vec3 row, column;
};

/// Turned by 20 degrees about the left-right and 10 about the head-foot axis.
Plane oblique() {
  const double a = 20 * std::acos(-1) / 180, b = 10 * std::acos(-1) / 180;
  return {"AX",
          {std::cos(b), std::sin(b), 0},
          {-std::sin(b) * std::cos(a), std::cos(b) * std::cos(a), std::sin(a)}};
}

void check_same_geometry(const VolumeGeometry& a, const VolumeGeometry& b) {
  CHECK(a.size == b.size);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(a.spacing_mm[c] == Approx(b.spacing_mm[c]).margin(1e-6));
    CHECK(a.origin_lps_mm[c] == Approx(b.origin_lps_mm[c]).margin(1e-6));
    for (std::size_t axis = 0; axis < 3; ++axis)
      CHECK(a.axes_lps[axis][c] == Approx(b.axes_lps[axis][c]).margin(1e-6));
  }
}

TEST_CASE("a written series loads with the same geometry and voxels", "[dicom][mr_writer]") {
  for (const Plane& plane : {Plane{"AX", {1, 0, 0}, {0, 1, 0}}, Plane{"SAG", {0, 1, 0}, {0, 0, -1}},
                             Plane{"COR", {1, 0, 0}, {0, 0, -1}}, oblique()}) {
    CAPTURE(plane.name);
    const TemporaryDirectory directory;
    const Volume written = test::volume(plane.row, plane.column);
    write_mr_series(test::identity(), test::header(), written, directory.path());
    const Series series = test::only_series(directory.path());
    CHECK(series.header.plane == plane.name);
    const LoadedSeries loaded = load_series(series);
    check_same_geometry(loaded.volume.geometry, written.geometry);
    CHECK(loaded.volume.voxels == written.voxels);
    REQUIRE(loaded.slices.size() == 4);
    CHECK(loaded.slices[2].sop_instance_uid == "2.25.1003.3");
    CHECK_FALSE(loaded.slices[2].frame_number);
  }
}

TEST_CASE("a written series keeps what its header says", "[dicom][mr_writer]") {
  const TemporaryDirectory directory;
  write_mr_series(test::identity(), test::header(), test::volume({1, 0, 0}, {0, 1, 0}), directory.path());
  const SeriesHeader read = test::only_series(directory.path()).header;
  const SeriesHeader written = test::header();
  CHECK(read.study_instance_uid == "2.25.1001");
  CHECK(read.frame_of_reference_uid == "2.25.1002");
  CHECK(read.study_description == "Schädel");
  CHECK(read.series_number == written.series_number);
  CHECK(read.series_description == written.series_description);
  CHECK(read.image_type == written.image_type);
  CHECK(read.scanning_sequence == written.scanning_sequence);
  CHECK(read.acquisition_type == written.acquisition_type);
  CHECK(read.tr_ms == written.tr_ms);
  CHECK(read.te_ms == written.te_ms);
  CHECK(read.ti_ms == written.ti_ms);
  CHECK(read.contrast_agent == written.contrast_agent);
  CHECK(read.acquisition_time_s == written.acquisition_time_s);
  CHECK(read.images == 4);
  CHECK(read.has_pixels);
  CHECK(read.geometry_problem.empty());
  CHECK(read.slice_spacing_mm.value_or(0) == Approx(1.7).margin(1e-6));
}

TEST_CASE("voxels that 16 bits cannot hold are refused", "[dicom][mr_writer]") {
  const TemporaryDirectory directory;
  for (const float bad : {-1.0F, 65536.0F, std::nanf("")}) {
    Volume volume = test::volume({1, 0, 0}, {0, 1, 0});
    volume.voxels[17] = bad;
    CHECK_THROWS_AS(write_mr_series(test::identity(), test::header(), volume, directory.path()), Error);
  }
  Volume volume = test::volume({1, 0, 0}, {0, 1, 0});
  volume.voxels.pop_back();
  CHECK_THROWS_AS(write_mr_series(test::identity(), test::header(), volume, directory.path()), Error);
}

}  // namespace
}  // namespace metserve::dicom
