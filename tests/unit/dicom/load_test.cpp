#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>

#include "dicom/error.h"
#include "dicom/slice_order.h"
#include "dicom/study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

using test::load_error;
using test::write_edited;

void move_slice(DcmDataset& dataset, double x, double z) {
  const std::string position = std::to_string(x) + "\\57.25\\" + std::to_string(z);
  REQUIRE(dataset.putAndInsertString(DCM_ImagePositionPatient, position.c_str()).good());
}

TEST_CASE("slices are ordered by position whatever the instance numbers say", "[dicom][load]") {
  const TemporaryDirectory directory;
  constexpr std::array<const char*, 4> numbers{"3", "1", "4", "2"};
  write_edited(directory.path(), [&](DcmDataset& dataset, std::size_t slice) {
    dataset.putAndInsertString(DCM_InstanceNumber, numbers.at(slice));
  });
  Series series = test::only_series(directory.path());
  std::reverse(series.frames.begin(), series.frames.end());
  const LoadedSeries loaded = load_series(series);
  CHECK(loaded.volume.voxels == test::volume({1, 0, 0}, {0, 1, 0}).voxels);
  CHECK(loaded.slices[0].sop_instance_uid == "2.25.1003.1");
  CHECK(loaded.slices[0].image_position == "-101.123456\\57.25\\-33.5");
}

TEST_CASE("a missing slice is named", "[dicom][load]") {
  const TemporaryDirectory directory;
  write_edited(directory.path(), [](DcmDataset&, std::size_t) {});
  std::filesystem::remove(directory.path() / "0002.dcm");
  CHECK_THAT(load_error(directory.path()), ContainsSubstring("1 slice(s) missing between instance 1"));
  CHECK_FALSE(test::only_series(directory.path()).header.geometry_problem.empty());
}

/// Axial slices with these distances from one to the next, in mm.
std::vector<Frame> slices_with_gaps(const std::vector<double>& gaps_mm) {
  std::vector<Frame> frames;
  double z_mm = 0;
  for (std::size_t k = 0; k <= gaps_mm.size(); ++k) {
    Frame frame;
    frame.label = "instance " + std::to_string(k + 1);
    frame.rows = frame.columns = 4;
    frame.position = "0\\0\\" + std::to_string(z_mm);
    frame.orientation = "1\\0\\0\\0\\1\\0";
    frame.pixel_spacing = "1\\1";
    frames.push_back(frame);
    if (k < gaps_mm.size()) z_mm += gaps_mm[k];
  }
  return frames;
}

TEST_CASE("gaps that are each near the usual one and add up are refused", "[dicom][load]") {
  std::vector<double> gaps(80, 1.0);
  gaps.insert(gaps.end(), 79, 1.045);
  const auto refused = stack_slices(slices_with_gaps(gaps));
  REQUIRE(std::holds_alternative<std::string>(refused));
  CHECK(std::get<std::string>(refused) ==
        "uneven spacing: instance 1 is 0.894 mm away from even slices of 1.022 mm");
}

TEST_CASE("the grid of slices that are a little uneven lies amid them", "[dicom][load]") {
  // Longer gaps in the upper half: against a grid through both ends the middle slice is 0.1 mm low.
  const auto stacked =
      stack_slices(slices_with_gaps({1.98, 1.98, 1.98, 1.98, 1.98, 2.02, 2.02, 2.02, 2.02, 2.02}));
  REQUIRE(std::holds_alternative<SliceStack>(stacked));
  const VolumeGeometry& geometry = std::get<SliceStack>(stacked).geometry;
  CHECK(geometry.spacing_mm[2] == Approx(2));
  CHECK(geometry.origin_lps_mm[2] == Approx(-0.05));
}

TEST_CASE("irregular positions are refused with their reason", "[dicom][load]") {
  const TemporaryDirectory directory;
  SECTION("two images at one position") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      move_slice(d, -101, slice == 3 ? 2.0 : static_cast<double>(slice));
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("two images at one position: instance 3"));
  }
  SECTION("uneven spacing") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      move_slice(d, -101, slice == 3 ? 3.4 : static_cast<double>(slice));
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("uneven spacing between instance 3"));
  }
  SECTION("slices that run askew") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      move_slice(d, -101 + 0.3 * static_cast<double>(slice), static_cast<double>(slice));
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("do not run along the normal"));
  }
  SECTION("a missing slice") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      move_slice(d, -101, slice == 3 ? 4.0 : static_cast<double>(slice));
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("1 slice(s) missing between instance 3"));
  }
}

TEST_CASE("images that do not belong together are refused with their reason", "[dicom][load]") {
  const TemporaryDirectory directory;
  SECTION("mixed orientations") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      if (slice == 2) d.putAndInsertString(DCM_ImageOrientationPatient, "0\\1\\0\\0\\0\\-1");
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("mixed orientations: instance 3"));
  }
  SECTION("mixed pixel spacings") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      if (slice == 1) d.putAndInsertString(DCM_PixelSpacing, "1\\1");
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("mixed pixel spacings"));
  }
  SECTION("no orientation") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t) {
      d.putAndInsertString(DCM_ImageOrientationPatient, "1\\0\\0\\1\\0\\0");
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("no valid image orientation"));
  }
}

TEST_CASE("unusable pixel data is refused with its reason", "[dicom][load]") {
  const TemporaryDirectory directory;
  SECTION("fewer pixels than rows and columns say") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
      const std::vector<Uint16> few(6, 1);
      if (slice == 1) d.putAndInsertUint16Array(DCM_PixelData, few.data(), few.size());
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("pixel data is cut off"));
  }
  SECTION("no pixel data") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t) { delete d.remove(DCM_PixelData); });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("no pixel data"));
    CHECK_FALSE(test::only_series(directory.path()).header.has_pixels);
  }
  SECTION("colour") {
    write_edited(directory.path(), [](DcmDataset& d, std::size_t) {
      d.putAndInsertString(DCM_PhotometricInterpretation, "RGB");
    });
    CHECK_THAT(load_error(directory.path()), ContainsSubstring("not a greyscale image"));
  }
}

TEST_CASE("stored values are masked, signed and rescaled image by image", "[dicom][load]") {
  const TemporaryDirectory directory;
  write_edited(directory.path(), [](DcmDataset& d, std::size_t slice) {
    std::vector<Uint16> stored(35, 0xF005);  // 5 below an overlay nibble
    stored[1] = 0x0FFF;                      // -1 in 12 bits
    d.putAndInsertUint16Array(DCM_PixelData, stored.data(), stored.size());
    d.putAndInsertUint16(DCM_BitsStored, 12);
    d.putAndInsertUint16(DCM_HighBit, 11);
    d.putAndInsertUint16(DCM_PixelRepresentation, 1);
    d.putAndInsertString(DCM_RescaleSlope, slice == 0 ? "2" : "0.5");
    d.putAndInsertString(DCM_RescaleIntercept, "10");
  });
  const auto voxels = load_series(test::only_series(directory.path())).volume.voxels;
  CHECK(voxels[0] == 20.0F);
  CHECK(voxels[1] == 8.0F);
  CHECK(voxels[35] == 12.5F);
  CHECK(voxels[36] == 9.5F);
}

/// Turns an image over, about its own highest value or that of 16 bits, and says so: it shows as before.
void invert(DcmDataset& dataset, std::vector<Uint16>& stored, bool about_own_range) {
  const Uint16 white = about_own_range ? *std::max_element(stored.begin(), stored.end()) : Uint16{65535};
  for (Uint16& value : stored) value = static_cast<Uint16>(white - value);
  dataset.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME1");
}

/// Loads a series with air in every image and slopes of their own, the first `inverted` images turned over.
LoadedSeries load_inverted(const std::filesystem::path& directory, std::size_t inverted) {
  write_edited(directory, [&](DcmDataset& d, std::size_t slice) {
    const Uint16* pixels = nullptr;
    unsigned long count = 0;
    REQUIRE(d.findAndGetUint16Array(DCM_PixelData, pixels, &count).good());
    std::vector<Uint16> stored(pixels, pixels + count);
    stored[5 * slice] = 0;
    if (slice < inverted) invert(d, stored, slice % 2 == 1);
    d.putAndInsertUint16Array(DCM_PixelData, stored.data(), stored.size());
    d.putAndInsertString(DCM_RescaleSlope, slice < 2 ? "1" : "0.5");
  });
  return load_series(test::only_series(directory));
}

TEST_CASE("inverted images load as what they show, and are written so", "[dicom][load]") {
  const TemporaryDirectory directory;
  const LoadedSeries plain = load_inverted(directory / "plain", 0);
  CHECK(plain.warnings.empty());
  const auto inverted = GENERATE(4U, 3U);  // the whole series, or mixed with others
  LoadedSeries loaded = load_inverted(directory / "inverted", inverted);
  CHECK(loaded.volume.voxels == plain.volume.voxels);
  CHECK(loaded.warnings == std::vector{std::to_string(inverted) +
                                       " of 4 images are stored inverted (MONOCHROME1): they were mirrored"});

  for (float& voxel : loaded.volume.voxels) voxel = std::round(voxel);
  write_mr_series(test::identity(), test::header(), loaded.volume, directory / "written");
  const LoadedSeries written = load_series(test::only_series(directory / "written"));
  CHECK(written.warnings.empty());
  CHECK(written.volume.voxels == loaded.volume.voxels);
}

/// The volume of one real file, or the error's text.
std::string load_file(const std::filesystem::path& path, std::vector<float>& voxels) {
  try {
    const Study study = scan_study({path});
    voxels = load_series(study.series.at(0)).volume.voxels;
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

TEST_CASE("every lossless transfer syntax decodes to the same voxels", "[dicom][load][data]") {
  const auto data = test::test_data();
  if (!data) return;
  const auto folder = *data / "transfer_syntaxes";
  std::vector<float> reference, decoded;
  REQUIRE(load_file(folder / "dcm_qa_ts" / "1.dcm", reference).empty());
  for (const char* name : {"2.dcm", "3.dcm", "4.dcm", "5.dcm", "6.dcm", "7.dcm", "8.dcm"}) {
    CAPTURE(name);
    CHECK(load_file(folder / "dcm_qa_ts" / name, decoded) == "");
    CHECK(decoded == reference);
  }
  CHECK_THAT(load_file(folder / "dcm_qa_ts" / "9.dcm", decoded),
             ContainsSubstring("no decoder for transfer syntax JPEG 2000"));
  for (const std::string image : {"MR1", "MR2", "MR3", "MR4"}) {
    const auto wg04 = folder / "nema_wg04_mr";
    REQUIRE(load_file(wg04 / "REF" / (image + "_UNC"), reference) == "");
    for (const std::string syntax : {"RLE", "JPLL", "JLSL"}) {
      CAPTURE(image, syntax);
      CHECK(load_file(wg04 / syntax / (image + "_" + syntax), decoded) == "");
      CHECK(decoded == reference);
    }
    for (const std::string syntax : {"J2KR", "J2KI"})
      CHECK_THAT(load_file(wg04 / syntax / (image + "_" + syntax), decoded), ContainsSubstring("no decoder"));
  }
}

TEST_CASE("lossy transfer syntaxes decode to nearly the same voxels", "[dicom][load][data]") {
  const auto data = test::test_data();
  if (!data) return;
  const auto wg04 = *data / "transfer_syntaxes" / "nema_wg04_mr";
  for (const std::string image : {"MR1", "MR2", "MR3", "MR4"})
    for (const std::string syntax : {"JPLY", "JLSN"}) {
      CAPTURE(image, syntax);
      std::vector<float> reference, decoded;
      REQUIRE(load_file(wg04 / "REF" / (image + "_UNC"), reference) == "");
      REQUIRE(load_file(wg04 / syntax / (image + "_" + syntax), decoded) == "");
      REQUIRE(decoded.size() == reference.size());
      double difference = 0, total = 0;
      for (std::size_t i = 0; i < decoded.size(); ++i) {
        difference += std::abs(decoded[i] - reference[i]);
        total += std::abs(reference[i]);
      }
      CHECK(difference < 0.1 * total);
    }
}

}  // namespace
}  // namespace metserve::dicom
