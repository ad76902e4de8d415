#include <fstream>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/error.h"
#include "dicom/series_parts.h"
#include "tests/catch.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

namespace fs = std::filesystem;
using test::write_edited;

/// Whether the short way was taken; it must then have read what DCMTK's parser reads.
bool agrees_where_taken(const fs::path& path) {
  const auto quick = read_classic_part(path);
  if (!quick) return false;
  const auto parts = read_parts(path);
  REQUIRE(parts.size() == 1);
  const SeriesPart& whole = parts[0];
  CAPTURE(path);
  CHECK(quick->key == whole.key);
  CHECK(quick->frames == whole.frames);
  CHECK(quick->header.patients == whole.header.patients);
  CHECK(quick->acquired == whole.acquired);
  CHECK(quick->contrast_start == whole.contrast_start);
  CHECK(quick->header.study_instance_uid == whole.header.study_instance_uid);
  CHECK(quick->header.series_instance_uid == whole.header.series_instance_uid);
  CHECK(quick->header.has_pixels == whole.header.has_pixels);
  CHECK(quick->instances[0].sop_class_uid == whole.instances[0].sop_class_uid);
  CHECK(quick->instances[0].sop_instance_uid == whole.instances[0].sop_instance_uid);
  return true;
}

TEST_CASE("a header read up to its pixel data says what the parser says", "[dicom][load]") {
  const TemporaryDirectory directory;
  write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
    d.putAndInsertString(DCM_ImageType, "ORIGINAL\\ PRIMARY \\M");
    d.putAndInsertString(DCM_RescaleSlope, " 1.5 ");
    d.putAndInsertString(DCM_SliceThickness, "2.0 ");
    d.putAndInsertString(DCM_EchoTime, "11.2");
    d.putAndInsertString(DCM_AcquisitionDate, "20240229");
    d.putAndInsertString(DCM_AcquisitionTime, "235959.5");
    d.putAndInsertString(DCM_ContrastBolusStartTime, "235800");
    d.putAndInsertString(DCM_IssuerOfPatientID, " Klinik M\xfcnster ");
    if (slice == 1) d.putAndInsertString(DCM_InstanceNumber, "");
    if (slice == 2) d.findAndDeleteElement(DCM_RescaleIntercept);
    if (slice == 3) {  // a header that is longer than most, as Siemens' are
      const std::vector<Uint8> bytes(100'001, Uint8{7});
      d.putAndInsertUint8Array(DcmTag(0x0009, 0x1010, EVR_OB), bytes.data(), bytes.size());
    }
  });
  for (const fs::path& path : list_files(directory.path())) CHECK(agrees_where_taken(path));
}

TEST_CASE("the short way reads the same volume as the parser", "[dicom][load]") {
  const TemporaryDirectory directory;
  write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
    d.putAndInsertUint16(DCM_PixelRepresentation, 1);
    d.putAndInsertString(DCM_RescaleSlope, slice == 1 ? "0.25" : "1");
  });
  Series series = test::only_series(directory.path());
  for (const InstanceFile& instance : series.instances) REQUIRE(instance.native);
  const Volume quick = load_series(series).volume;
  for (InstanceFile& instance : series.instances) instance.native.reset();
  CHECK(load_series(series).volume.voxels == quick.voxels);
}

TEST_CASE("what is no plain classic image is left to the parser", "[dicom][load]") {
  const TemporaryDirectory directory;
  const auto edit = [&](auto&& change) {
    write_edited(directory.path(), [&](DcmDataset& d, std::size_t) { change(d); });
  };
  SECTION("elements behind the pixel data") {
    edit([](DcmDataset& d) {
      const Uint8 padding[2] = {0, 0};
      d.putAndInsertUint8Array(DCM_DataSetTrailingPadding, padding, 2);
    });
  }
  SECTION("values that only functional groups have") {
    edit([](DcmDataset& d) { d.putAndInsertFloat64(DCM_EffectiveEchoTime, 90); });
  }
  SECTION("more than one frame") {
    edit([](DcmDataset& d) { d.putAndInsertString(DCM_NumberOfFrames, "2"); });
  }
  SECTION("no instance UID") {
    edit([](DcmDataset& d) { d.findAndDeleteElement(DCM_SOPInstanceUID); });
  }
  SECTION("no pixel data") {
    edit([](DcmDataset& d) { d.findAndDeleteElement(DCM_PixelData); });
  }
  SECTION("bytes that are missing") {
    edit([](DcmDataset&) {});
    for (const fs::path& path : list_files(directory.path())) fs::resize_file(path, fs::file_size(path) - 2);
  }
  SECTION("bytes that are too many") {
    edit([](DcmDataset&) {});
    for (const fs::path& path : list_files(directory.path()))
      std::ofstream(path, std::ios::binary | std::ios::app) << "more";
  }
  SECTION("no DICOM") {
    std::ofstream(directory.path() / "notes.txt") << "nothing";
  }
  for (const fs::path& path : list_files(directory.path())) CHECK_FALSE(read_classic_part(path));
}

TEST_CASE("real headers read up to their pixel data say what the parser says", "[dicom][load][real]") {
  const auto data = test::test_data();
  if (!data) return;
  std::size_t taken = 0;
  for (const fs::path& path : list_files(*data)) {
    if (path.extension() == ".gz" || path.extension() == ".nrrd" || fs::file_size(path) > (8U << 20))
      continue;
    taken += agrees_where_taken(path);
  }
  CHECK(taken >= 100);
}

}  // namespace
}  // namespace metserve::dicom
