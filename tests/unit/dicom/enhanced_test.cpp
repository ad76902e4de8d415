#include <string>
#include <utility>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>

#include "dicom/error.h"
#include "dicom/study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/enhanced_fixture.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

using test::magnitude;
using test::phase;
using test::write_enhanced;

TEST_CASE("frame types of one enhanced object become series of their own", "[dicom][enhanced]") {
  const TemporaryDirectory directory;
  write_enhanced(directory.path() / "mixed.dcm", {{4, magnitude, "1", 40},
                                                  {0, phase, "1", 900},
                                                  {0, magnitude, "2", 10},
                                                  {2, phase, "1", 902},
                                                  {2, magnitude, "0.5", 60},
                                                  {4, phase, "1", 904}});
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.series.size() == 2);
  const auto numbers = [](const Series& series) {
    std::vector<std::uint32_t> result;
    for (const Frame& frame : series.frames) result.push_back(frame.number);
    return result;
  };
  CHECK(numbers(study.series[0]) == std::vector<std::uint32_t>{1, 3, 5});
  CHECK(numbers(study.series[1]) == std::vector<std::uint32_t>{2, 4, 6});
  CHECK(study.series[0].header.images == 3);
  CHECK(study.series[0].header.tr_ms == 400.0);

  const LoadedSeries loaded = load_series(study.series[0]);
  const VolumeGeometry& geometry = loaded.volume.geometry;
  CHECK(geometry.size == std::array<std::size_t, 3>{2, 2, 3});
  CHECK(geometry.spacing_mm == Vec3{0.25, 0.5, 2});
  CHECK(geometry.origin_lps_mm == Vec3{-5, 7, 0});
  CHECK(loaded.volume.voxels[0] == 20.0F);
  CHECK(loaded.volume.voxels[4] == 30.0F);
  CHECK(loaded.volume.voxels[8] == 40.0F);
  REQUIRE(loaded.slices.size() == 3);
  CHECK(loaded.slices[0].frame_number == 3U);
  CHECK(loaded.slices[2].frame_number == 1U);
  CHECK(load_series(study.series[1]).volume.voxels[4] == 902.0F);
}

TEST_CASE("frames whose echo times jitter are one volume, real echoes are not", "[dicom][enhanced]") {
  const TemporaryDirectory directory;
  const auto [second_ms, volumes] = GENERATE(std::pair(2.951, 1), std::pair(4.6, 2));
  write_enhanced(
      directory.path() / "echoes.dcm",
      {{0, magnitude, "1", 1}, {2, magnitude, "1", 2}, {4, magnitude, "1", 3}, {6, magnitude, "1", 4}},
      [second_ms = second_ms](DcmDataset& dataset) {
        for (long frame = 0; frame < 4; ++frame) {
          DcmItem *groups = nullptr, *echo = nullptr;
          REQUIRE(dataset.findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, groups, frame).good());
          REQUIRE(groups->findOrCreateSequenceItem(DCM_MREchoSequence, echo).good());
          REQUIRE(
              echo->putAndInsertFloat64(DCM_EffectiveEchoTime, frame % 2 == 0 ? 2.949 : second_ms).good());
        }
      });
  CHECK(scan_study(list_files(directory.path())).series.size() == static_cast<std::size_t>(volumes));
}

TEST_CASE("inverted frames are mirrored, each about its own highest value", "[dicom][enhanced]") {
  const TemporaryDirectory directory;
  write_enhanced(directory.path() / "inverted.dcm", {{0, magnitude, "1", 0}, {2, magnitude, "2", 0}},
                 [](DcmDataset& d) {
                   const std::vector<Uint16> stored{4095, 3995, 95, 4095, 1000, 990, 500, 1000};
                   d.putAndInsertUint16Array(DCM_PixelData, stored.data(), stored.size());
                   d.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME1");
                 });
  const LoadedSeries loaded = load_series(test::only_series(directory.path()));
  CHECK(loaded.volume.voxels == std::vector<float>{0, 100, 4000, 0, 0, 20, 1000, 0});
  CHECK_THAT(loaded.warnings.at(0), ContainsSubstring("2 of 2 images are stored inverted"));
}

TEST_CASE("a missing frame of an enhanced object is named", "[dicom][enhanced]") {
  const TemporaryDirectory directory;
  write_enhanced(
      directory.path() / "gap.dcm",
      {{0, magnitude, "1", 1}, {2, magnitude, "1", 2}, {6, magnitude, "1", 4}, {8, magnitude, "1", 5}});
  const Study study = scan_study(list_files(directory.path()));
  CHECK_THROWS_WITH(load_series(study.series.at(0)),
                    ContainsSubstring("1 slice(s) missing between frame 2 of 2.25.7.1 and frame 3"));
}

TEST_CASE("functional groups that do not fit the number of frames are refused", "[dicom][enhanced]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "odd.dcm";
  write_enhanced(path, {{0, magnitude, "1", 1}, {2, magnitude, "1", 2}},
                 [](DcmDataset& d) { d.putAndInsertString(DCM_NumberOfFrames, "3"); });
  CHECK_THROWS_WITH(scan_study({path}), ContainsSubstring("functional groups for 2 frames, but 3 frames"));
}

TEST_CASE("mixed and derived enhanced objects are read without harm", "[dicom][enhanced][data]") {
  const auto data = test::test_data();
  if (!data) return;
  int files = 0, loaded = 0;
  for (const auto& path : list_files(*data / "nema_brtum_enhanced" / "distractors")) {
    CAPTURE(path.filename());
    ++files;
    try {
      for (const Series& series : scan_study({path}).series) {
        load_series(series);
        ++loaded;
      }
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  }
  CHECK(files == 9);
  CHECK(loaded < files);
}

}  // namespace
}  // namespace metserve::dicom
