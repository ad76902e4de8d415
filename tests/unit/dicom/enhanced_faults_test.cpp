#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>

#include "dicom/study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/enhanced_fixture.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

using test::EnhancedFrame;
using test::load_error;
using test::magnitude;
using test::write_enhanced;

/// Two volumes of three slices, told apart by `mark`, frame by frame in turn; the second's pixels are 100
/// more.
std::vector<EnhancedFrame> two_volumes(const char* EnhancedFrame::*mark, const char* first,
                                       const char* second) {
  std::vector<EnhancedFrame> frames;
  for (const double z : {4.0, 0.0, 2.0})
    for (const bool again : {false, true}) {
      EnhancedFrame frame{z, magnitude, "1", static_cast<std::uint16_t>(10 * z + (again ? 100 : 0))};
      frame.*mark = again ? second : first;
      frames.push_back(frame);
    }
  return frames;
}

TEST_CASE("frames in any order are placed by their positions", "[dicom][enhanced][faults]") {
  const TemporaryDirectory directory;
  write_enhanced(directory.path() / "interleaved.dcm", {{0, magnitude, "1", 0},
                                                        {8, magnitude, "1", 8},
                                                        {2, magnitude, "1", 2},
                                                        {6, magnitude, "1", 6},
                                                        {4, magnitude, "1", 4}});
  const LoadedSeries loaded = load_series(test::only_series(directory.path()));
  for (std::size_t k = 0; k < 5; ++k) CHECK(loaded.volume.voxels.at(4 * k) == static_cast<float>(2 * k));
  CHECK(loaded.slices[1].frame_number == 3U);
}

TEST_CASE("stacks, time points and contrast phases of one object become series of their own",
          "[dicom][enhanced][faults]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "several.dcm";
  SECTION("stacks") {
    write_enhanced(path, two_volumes(&EnhancedFrame::stack, "1", "2"));
  }
  SECTION("time points") {
    write_enhanced(path, two_volumes(&EnhancedFrame::time_point, "1", "2"));
  }
  SECTION("before and after the agent") {
    write_enhanced(path, two_volumes(&EnhancedFrame::administered, "NO", "YES"));
  }
  const Study study = scan_study({path});
  REQUIRE(study.series.size() == 2);
  for (std::size_t n = 0; n < 2; ++n) {
    CHECK(study.series[n].header.geometry_problem == "");
    const Volume volume = load_series(study.series[n]).volume;
    CHECK(volume.geometry.size[2] == 3);
    const auto more = static_cast<float>(100 * n);
    CHECK(std::vector{volume.voxels[0], volume.voxels[4], volume.voxels[8]} ==
          std::vector{more, 20 + more, 40 + more});
  }
}

TEST_CASE("two volumes that nothing tells apart are refused, with both frames named",
          "[dicom][enhanced][faults]") {
  const TemporaryDirectory directory;
  write_enhanced(directory.path() / "twice.dcm", two_volumes(&EnhancedFrame::stack, "", ""));
  CHECK_THAT(load_error(directory.path()),
             ContainsSubstring("two images at one position: frame 3 of 2.25.7.1 and frame 4 of 2.25.7.1"));
}

TEST_CASE("several complete objects of one series become series of their own", "[dicom][enhanced][faults]") {
  const TemporaryDirectory directory;
  const auto write = [&](const char* uid, std::uint16_t stored) {
    write_enhanced(directory.path() / uid, {{0, magnitude, "1", stored}, {2, magnitude, "1", stored}},
                   [&](DcmDataset& d) { d.putAndInsertString(DCM_SOPInstanceUID, uid); });
  };
  write("2.25.7.1", 1);
  write("2.25.7.2", 2);
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.series.size() == 2);
  CHECK(load_series(study.series[0]).volume.voxels[7] == 1);
  CHECK(load_series(study.series[1]).volume.voxels[7] == 2);
}

TEST_CASE("enhanced objects whose pixels are missing or cut off are refused", "[dicom][enhanced][faults]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "pixels.dcm";
  const std::vector<EnhancedFrame> frames{{0, magnitude, "1", 1}, {2, magnitude, "1", 2}};
  SECTION("no pixel data") {
    write_enhanced(path, frames, [](DcmDataset& d) { delete d.remove(DCM_PixelData); });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("instance 2.25.7.1: no pixel data"));
  }
  SECTION("pixels of one frame out of two") {
    write_enhanced(path, frames, [](DcmDataset& d) {
      const std::vector<Uint16> one(4, 1);
      d.putAndInsertUint16Array(DCM_PixelData, one.data(), one.size());
    });
    CHECK_THAT(
        load_error(directory.path()),
        ContainsSubstring("instance 2.25.7.1: pixel data is cut off: 4 values for 2 frame(s) of 2 x 2"));
  }
  SECTION("a slope of nothing in one frame") {
    write_enhanced(path, {{0, magnitude, "1", 1}, {2, magnitude, "0", 2}});
    CHECK_THAT(load_error(directory.path()),
               ContainsSubstring("frame 2 of 2.25.7.1 has an unusable rescale slope"));
  }
}

}  // namespace
}  // namespace metserve::dicom
