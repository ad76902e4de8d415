#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpls/djencode.h>

#include "dicom/study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

namespace fs = std::filesystem;
using test::load_error;
using test::write_edited;

/// What DCMTK needs to write compressed images; reading them is registered for the whole program.
struct Encoders {
  Encoders() {
    DcmRLEEncoderRegistration::registerCodecs();
    DJEncoderRegistration::registerCodecs();
    DJLSEncoderRegistration::registerCodecs();
  }
  ~Encoders() {
    DJLSEncoderRegistration::cleanup();
    DJEncoderRegistration::cleanup();
    DcmRLEEncoderRegistration::cleanup();
  }
  Encoders(const Encoders&) = delete;
  Encoders& operator=(const Encoders&) = delete;
};

void rewrite(const fs::path& path, E_TransferSyntax syntax) {
  DcmFileFormat file;
  REQUIRE(file.loadFile(path.c_str()).good());
  file.loadAllDataIntoMemory();
  REQUIRE(file.getDataset()->chooseRepresentation(syntax, nullptr).good());
  REQUIRE(file.saveFile(path.c_str(), syntax).good());
}

constexpr std::array encodings{
    EXS_LittleEndianImplicit, EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit,
    EXS_RLELossless,          EXS_JPEGProcess14SV1,  EXS_JPEGLSLossless};

/// An axial series of 64 x 64, so that pixel data is not read with the headers.
std::vector<float> write_larger(const fs::path& directory) {
  Volume volume = test::volume({1, 0, 0}, {0, 1, 0});
  volume.geometry.size = {64, 64, 4};
  volume.voxels.resize(volume.geometry.voxel_count());
  for (std::size_t i = 0; i < volume.voxels.size(); ++i)
    volume.voxels[i] = static_cast<float>(i * 461 % 65536);
  write_mr_series(test::identity(), test::header(), volume, directory);
  return volume.voxels;
}

TEST_CASE("every encoding holds the same volume", "[dicom][load][faults]") {
  const Encoders encoders;
  const TemporaryDirectory directory;
  const std::vector<float> voxels = write_larger(directory.path());
  SECTION("a whole series in it") {
    const auto syntax = GENERATE(from_range(encodings));
    CAPTURE(DcmXfer(syntax).getXferName());
    for (const fs::path& path : list_files(directory.path())) rewrite(path, syntax);
    CHECK(load_series(test::only_series(directory.path())).volume.voxels == voxels);
  }
  SECTION("every image in another one") {
    const auto first = GENERATE(0U, 2U);
    const auto files = list_files(directory.path());
    for (std::size_t i = 0; i < files.size(); ++i) rewrite(files[i], encodings.at(first + i));
    CHECK(load_series(test::only_series(directory.path())).volume.voxels == voxels);
  }
}

/// Lets `change` have the compressed bytes of an image's only frame.
void change_fragment(const fs::path& path, E_TransferSyntax syntax,
                     const std::function<void(std::vector<Uint8>&)>& change) {
  DcmFileFormat file;
  REQUIRE(file.loadFile(path.c_str()).good());
  file.loadAllDataIntoMemory();
  DcmElement* element = nullptr;
  REQUIRE(file.getDataset()->findAndGetElement(DCM_PixelData, element).good());
  DcmPixelSequence* sequence = nullptr;
  REQUIRE(
      dynamic_cast<DcmPixelData&>(*element).getEncapsulatedRepresentation(syntax, nullptr, sequence).good());
  DcmPixelItem* fragment = nullptr;
  REQUIRE(sequence->getItem(fragment, 1).good());
  Uint8* bytes = nullptr;
  REQUIRE(fragment->getUint8Array(bytes).good());
  std::vector<Uint8> changed(bytes, bytes + fragment->getLength());
  change(changed);
  REQUIRE(fragment->putUint8Array(changed.data(), changed.size()).good());
  REQUIRE(file.saveFile(path.c_str(), syntax).good());
}

TEST_CASE("damaged compressed data is refused with its instance", "[dicom][load][faults]") {
  const Encoders encoders;
  const TemporaryDirectory directory;
  write_larger(directory.path());
  const auto syntax = GENERATE(EXS_RLELossless, EXS_JPEGProcess14SV1, EXS_JPEGLSLossless);
  CAPTURE(DcmXfer(syntax).getXferName());
  const fs::path path = list_files(directory.path()).at(2);
  rewrite(path, syntax);
  SECTION("its beginning") {
    change_fragment(path, syntax,
                    [](std::vector<Uint8>& bytes) { std::fill_n(bytes.begin(), 64, Uint8{0xff}); });
  }
  SECTION("a marker that DCMTK's JPEG decoder never gets past") {
    change_fragment(path, syntax, [](std::vector<Uint8>& bytes) {
      bytes.insert(bytes.begin() + 2, {0xff, 0x01});
    });
  }
  SECTION("its second half is not there") {
    change_fragment(path, syntax, [](std::vector<Uint8>& bytes) { bytes.resize(bytes.size() / 4 * 2); });
  }
  CHECK_THAT(load_error(directory.path()), ContainsSubstring("instance 2.25.1003.3: damaged"));
}

TEST_CASE("a file that ends in the middle is listed, and its slice is missing", "[dicom][load][faults]") {
  const TemporaryDirectory directory;
  write_larger(directory.path());
  const fs::path path = list_files(directory.path()).at(1);
  const auto keep = GENERATE(300U, 900U, 5000U);
  fs::resize_file(path, keep);
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.unreadable.size() == 1);
  CHECK_THAT(study.unreadable[0].reason, ContainsSubstring(path.string()));
  CHECK(study.series.at(0).header.images == 3);
  CHECK_THAT(
      load_error(directory.path()),
      ContainsSubstring("1 slice(s) missing between instance 1 (2.25.1003.1) and instance 3 (2.25.1003.3)"));
}

TEST_CASE("a file that goes or shrinks after the scan is refused by name", "[dicom][load][faults]") {
  const TemporaryDirectory directory;
  write_larger(directory.path());
  const Series series = test::only_series(directory.path());
  const fs::path path = list_files(directory.path()).at(1);
  SECTION("gone") {
    fs::remove(path);
  }
  SECTION("shorter") {
    fs::resize_file(path, 5000);
  }
  CHECK_THROWS_WITH(load_series(series),
                    ContainsSubstring("(2.25.1003): instance 2.25.1003.2: " + path.string()));
}

TEST_CASE("images that cannot be values of one volume are refused with their instance",
          "[dicom][load][faults]") {
  const TemporaryDirectory directory;
  SECTION("mixed matrices") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      if (slice == 3) d.putAndInsertUint16(DCM_Rows, 7), d.putAndInsertUint16(DCM_Columns, 5);
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("mixed matrices: instance 4 (2.25.1003.4)"));
  }
  SECTION("mixed frames of reference") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      d.putAndInsertString(DCM_FrameOfReferenceUID, slice == 2 ? "2.25.7" : "2.25.6");
    });
    CHECK_THAT(load_error(directory.path()),
               ContainsSubstring("mixed frames of reference: instance 3 (2.25.1003.3)"));
  }
  SECTION("no position") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      if (slice == 1) d.putAndInsertString(DCM_ImagePositionPatient, "1\\2");
    });
    CHECK_THAT(load_error(directory.path()),
               ContainsSubstring("instance 2 (2.25.1003.2) has no image position"));
  }
  SECTION("32 bits") {
    write_edited(directory.path(),
                 [](DcmDataset& d, std::size_t) { d.putAndInsertUint16(DCM_BitsAllocated, 32); });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("2.25.1003.1: 32 bits allocated"));
  }
  SECTION("bits that contradict each other") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t) { d.putAndInsertUint16(DCM_HighBit, 3); });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("2.25.1003.1: bits stored and high bit"));
  }
  SECTION("a slope of nothing, or beyond every number") {
    const auto* slope = GENERATE("0", "1e300");
    write_edited(directory.path(), [&](DcmDataset& d, std::size_t slice) {
      if (slice == 2) d.putAndInsertString(DCM_RescaleSlope, slope);
    });
    CHECK_THAT(load_error(directory.path()),
               ContainsSubstring("instance 3 (2.25.1003.3) has an unusable rescale slope"));
  }
}

TEST_CASE("time points of a classic series become series of their own", "[dicom][load][faults]") {
  const TemporaryDirectory directory;
  for (const char* point : {"1", "2"})
    write_edited(directory.path() / point, [&](DcmDataset& d, std::size_t slice) {
      d.putAndInsertString(DCM_TemporalPositionIdentifier, point);
      d.putAndInsertString(DCM_SOPInstanceUID,
                           ("2.25.9." + std::string(point) + std::to_string(slice)).c_str());
    });
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.series.size() == 2);
  for (const Series& series : study.series)
    CHECK(load_series(series).volume.voxels == test::volume({1, 0, 0}, {0, 1, 0}).voxels);
}

TEST_CASE("the same instance twice is used once and listed", "[dicom][load][faults]") {
  const TemporaryDirectory directory;
  write_edited(directory.path(), [](DcmDataset&, std::size_t) {});
  fs::copy_file(directory.path() / "0002.dcm", directory.path() / "copy.dcm");
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.unreadable.size() == 1);
  CHECK_THAT(study.unreadable[0].reason, ContainsSubstring("copy.dcm: the same SOP instance UID as"));
  CHECK(load_series(study.series.at(0)).volume.geometry.size[2] == 4);
}

}  // namespace
}  // namespace metserve::dicom
