#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/error.h"
#include "dicom/study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

using test::TemporaryDirectory;

struct EnhancedFrame {
  double z_mm;
  const char* frame_type;
  const char* slope;
  Uint16 stored;  ///< every pixel
};

void put_in_macro(DcmItem& groups, const DcmTagKey& sequence, const DcmTagKey& tag,
                  const std::string& value) {
  DcmItem* item = nullptr;
  REQUIRE(groups.findOrCreateSequenceItem(sequence, item, 0).good());
  REQUIRE(item->putAndInsertString(tag, value.c_str()).good());
}

/// A 2 x 2 Enhanced MR image with these frames in this order.
void write_enhanced(const std::filesystem::path& path, const std::vector<EnhancedFrame>& frames) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  dataset.putAndInsertString(DCM_SOPClassUID, UID_EnhancedMRImageStorage);
  dataset.putAndInsertString(DCM_SOPInstanceUID, "2.25.7.1");
  dataset.putAndInsertString(DCM_StudyInstanceUID, "2.25.5");
  dataset.putAndInsertString(DCM_SeriesInstanceUID, "2.25.7");
  dataset.putAndInsertString(DCM_Modality, "MR");
  dataset.putAndInsertString(DCM_ImageType, "ORIGINAL\\PRIMARY\\MIXED\\NONE");
  dataset.putAndInsertString(DCM_NumberOfFrames, std::to_string(frames.size()).c_str());
  dataset.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
  dataset.putAndInsertUint16(DCM_SamplesPerPixel, 1);
  for (const DcmTagKey& tag : {DCM_Rows, DCM_Columns}) dataset.putAndInsertUint16(tag, 2);
  for (const DcmTagKey& tag : {DCM_BitsAllocated, DCM_BitsStored}) dataset.putAndInsertUint16(tag, 16);
  dataset.putAndInsertUint16(DCM_HighBit, 15);
  dataset.putAndInsertUint16(DCM_PixelRepresentation, 0);
  DcmItem* shared = nullptr;
  dataset.findOrCreateSequenceItem(DCM_SharedFunctionalGroupsSequence, shared, 0);
  put_in_macro(*shared, DCM_PlaneOrientationSequence, DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
  put_in_macro(*shared, DCM_PixelMeasuresSequence, DCM_PixelSpacing, "0.5\\0.25");
  put_in_macro(*shared, DCM_PixelMeasuresSequence, DCM_SliceThickness, "2");
  put_in_macro(*shared, DCM_MRTimingAndRelatedParametersSequence, DCM_RepetitionTime, "400");
  std::vector<Uint16> pixels;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    DcmItem* groups = nullptr;
    dataset.findOrCreateSequenceItem(DCM_PerFrameFunctionalGroupsSequence, groups, static_cast<long>(i));
    put_in_macro(*groups, DCM_PlanePositionSequence, DCM_ImagePositionPatient,
                 "-5\\7\\" + std::to_string(frames[i].z_mm));
    put_in_macro(*groups, DCM_MRImageFrameTypeSequence, DCM_FrameType, frames[i].frame_type);
    put_in_macro(*groups, DCM_PixelValueTransformationSequence, DCM_RescaleSlope, frames[i].slope);
    pixels.insert(pixels.end(), 4, frames[i].stored);
  }
  dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size());
  REQUIRE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
}

constexpr const char* magnitude = "ORIGINAL\\PRIMARY\\T1\\NONE";
constexpr const char* phase = "ORIGINAL\\PRIMARY\\T1\\PHASE";

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
  CHECK(study.series[0].frames == std::vector<std::uint32_t>{1, 3, 5});
  CHECK(study.series[1].frames == std::vector<std::uint32_t>{2, 4, 6});
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
  write_enhanced(path, {{0, magnitude, "1", 1}, {2, magnitude, "1", 2}});
  DcmFileFormat file;
  REQUIRE(file.loadFile(path.c_str()).good());
  file.loadAllDataIntoMemory();
  file.getDataset()->putAndInsertString(DCM_NumberOfFrames, "3");
  REQUIRE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
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
