#include "dicom/study.h"

#include <array>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>

#include "dicom/error.h"
#include "tests/catch.h"
#include "tests/unit/dicom/image_fixtures.h"

namespace metserve::dicom {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

std::string length32(std::uint32_t value) {
  return bytes({static_cast<int>(value & 255), static_cast<int>(value >> 8 & 255),
                static_cast<int>(value >> 16 & 255), static_cast<int>(value >> 24)});
}

enum class Nesting { undefined_length_sequence, undefined_length_unknown, defined_length_unknown };

/// A file whose content sequences hold each other `depth` times.
std::string nested_file(std::size_t depth, Nesting nesting) {
  const std::string item_tag = bytes({0xfe, 0xff, 0x00, 0xe0});
  std::string data;
  const char* vr = nesting == Nesting::undefined_length_sequence ? "SQ" : "UN";
  for (std::size_t level = 0; level < depth; ++level) {
    // Inside UN everything is implicit VR; only the outermost element has a VR then.
    const bool implicit = level + 1 < depth && nesting != Nesting::undefined_length_sequence;
    const std::string head =
        bytes({0x40, 0x00, 0x30, 0xa7}) + (implicit ? std::string() : vr + bytes({0, 0}));
    if (nesting == Nesting::defined_length_unknown) {
      const auto inner = static_cast<std::uint32_t>(data.size());
      data = head + length32(inner + 8) + item_tag + length32(inner) + data;
    } else {
      data = head + length32(0xffffffff) + item_tag + length32(0xffffffff) + data +
             bytes({0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0});
    }
  }
  const std::string syntax = bytes({2, 0, 0x10, 0}) + "UI" + bytes({20, 0}) + "1.2.840.10008.1.2.1" + '\0';
  return std::string(128, '\0') + "DICM" + bytes({2, 0, 0, 0}) + "UL" + bytes({4, 0}) +
         length32(static_cast<std::uint32_t>(syntax.size())) + syntax + data;
}

TEST_CASE("deeply nested sequences are refused and crash nothing", "[dicom][study]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "bomb.dcm";
  for (const Nesting nesting : {Nesting::undefined_length_sequence, Nesting::undefined_length_unknown,
                                Nesting::defined_length_unknown}) {
    std::ofstream(path, std::ios::binary) << nested_file(5000, nesting);
    CHECK_THROWS_AS(scan_study({path}), Error);
  }
}

TEST_CASE("a few nested sequences are no obstacle", "[dicom][study]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "nested.dcm";
  std::ofstream(path, std::ios::binary) << nested_file(16, Nesting::undefined_length_sequence);
  CHECK_THROWS_WITH(scan_study({path}), ContainsSubstring("no study, series or SOP instance UID"));
}

TEST_CASE("files that are no images are listed and do not disturb the rest", "[dicom][study]") {
  const TemporaryDirectory directory;
  test::write_edited(directory.path(), [](DcmDataset&, std::size_t) {});
  std::ofstream(directory.path() / "readme.txt") << "not DICOM";
  std::ofstream(directory.path() / "empty");
  std::filesystem::copy_file(directory.path() / "0001.dcm", directory.path() / "0001_again.dcm");
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.series.size() == 1);
  CHECK(study.series[0].header.images == 4);
  CHECK(study.study_instance_uid == "2.25.1001");
  REQUIRE(study.unreadable.size() == 3);
  for (const UnreadableFile& file : study.unreadable)
    CHECK_THAT(file.reason, ContainsSubstring(file.path.filename().string()));
}

TEST_CASE("a file that cannot be read is an image that is lost where it begins as one", "[dicom][study]") {
  const TemporaryDirectory directory;
  test::write_edited(directory.path(), [](DcmDataset&, std::size_t) {});
  std::ofstream(directory.path() / "readme.txt") << "not DICOM";
  std::filesystem::copy_file(directory.path() / "0001.dcm", directory.path() / "0001_again.dcm");
  std::filesystem::copy_file(directory.path() / "0002.dcm", directory.path() / "DICOMDIR");
  for (const char* cut_off : {"0002.dcm", "DICOMDIR"})
    std::filesystem::resize_file(directory.path() / cut_off, 600);
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.unreadable.size() == 4);
  for (const UnreadableFile& file : study.unreadable)
    CHECK(file.image_lost == (file.path.filename() == "0002.dcm"));
}

TEST_CASE("a scan can be ended before every file", "[dicom][study]") {
  const TemporaryDirectory directory;
  test::write_edited(directory.path(), [](DcmDataset&, std::size_t) {});
  int asked = 0;
  CHECK_THROWS_AS(scan_study(list_files(directory.path()),
                             [&] {
                               if (++asked == 3) throw std::runtime_error("stop");
                             }),
                  std::runtime_error);
  CHECK(asked == 3);
}

TEST_CASE("nothing to read is an error that says so", "[dicom][study]") {
  const TemporaryDirectory directory;
  CHECK_THROWS_AS(list_files(directory.path()), Error);
  CHECK_THROWS_AS(list_files(directory.path() / "nowhere"), Error);
  std::ofstream(directory.path() / "readme.txt") << "not DICOM";
  CHECK_THROWS_WITH(scan_study(list_files(directory.path())),
                    ContainsSubstring("no DICOM image among 1 file(s)"));
}

TEST_CASE("two studies are refused and both are named", "[dicom][study]") {
  const TemporaryDirectory directory;
  test::write_edited(directory.path(), [](DcmDataset& dataset, std::size_t slice) {
    if (slice == 3) dataset.putAndInsertString(DCM_StudyInstanceUID, "2.25.9");
  });
  CHECK_THROWS_WITH(scan_study(list_files(directory.path())), ContainsSubstring("2.25.1001") &&
                                                                  ContainsSubstring("2.25.9") &&
                                                                  ContainsSubstring("0004.dcm"));
}

TEST_CASE("Japanese descriptions are read, and what cannot be has no escape sequences", "[dicom][study]") {
  const auto read = [](const std::string& charset, const std::string& text) {
    const TemporaryDirectory directory;
    test::write_edited(directory.path(), [&](DcmDataset& dataset, std::size_t) {
      dataset.putAndInsertString(DCM_SpecificCharacterSet, charset.c_str());
      dataset.putAndInsertString(DCM_SeriesDescription, text.c_str());
    });
    return test::only_series(directory.path()).header.series_description;
  };
  const std::string contrast = "\x1b$BB$1F\x1b";
  CHECK(read("\\ISO 2022 IR 87", "T1 " + contrast + "(B 3D") == "T1 造影 3D");
  CHECK(read("ISO 2022 IR 13\\ISO 2022 IR 87", "\xcc\xda\xb1 " + contrast + "(J 3D") == "ﾌﾚｱ 造影 3D");
  CHECK(read("\\ISO 2022 IR 159", "\x1b$(D0!\x1b(B") == "丂");
  CHECK(read("\\ISO 2022 IR 87", "T1 \xff" + contrast + "(B") == "T1 ??$BB$1F?(B");
}

TEST_CASE("a series knows the patients of all its images", "[dicom][study]") {
  const TemporaryDirectory directory;
  test::write_edited(directory.path(), [](DcmDataset& dataset, std::size_t slice) {
    if (slice == 2) dataset.putAndInsertString(DCM_IssuerOfPatientID, "H1");
    if (slice == 3) dataset.findAndDeleteElement(DCM_PatientID);
  });
  CHECK(
      test::only_series(directory.path()).header.patients ==
      std::set<PatientIdentity>{{"4711", "", "19600102"}, {"4711", "H1", "19600102"}, {"", "", "19600102"}});
}

TEST_CASE("echoes and image types of one series become series of their own", "[dicom][study]") {
  const TemporaryDirectory directory;
  test::write_edited(directory.path(), [](DcmDataset& dataset, std::size_t slice) {
    dataset.putAndInsertString(DCM_EchoTime, slice % 2 == 0 ? "10" : "90");
    if (slice == 3) dataset.putAndInsertString(DCM_ImageType, "ORIGINAL\\PRIMARY\\P");
  });
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.series.size() == 3);
  std::map<int, int> images_of_echo;
  for (const Series& series : study.series)
    images_of_echo[static_cast<int>(series.header.te_ms.value_or(0))] += series.header.images;
  CHECK(images_of_echo == std::map<int, int>{{10, 2}, {90, 2}});
}

TEST_CASE("times of one series that jitter about a rounding edge make one volume", "[dicom][study]") {
  const TemporaryDirectory directory;
  const auto [tag, times] =
      GENERATE(std::pair(DCM_EchoTime, std::array{"2.949", "2.951", "2.949", "2.951"}),
               std::pair(DCM_EchoTime, std::array{"2.951", "2.949", "2.951", "3.02"}),
               std::pair(DCM_InversionTime, std::array{"450.4", "450.6", "450.4", "450.6"}),
               std::pair(DCM_InversionTime, std::array{"2500", "2507.5", "2500", "2512"}));
  test::write_edited(directory.path(), [&, tag = tag, times = times](DcmDataset& dataset, std::size_t slice) {
    dataset.putAndInsertString(tag, times.at(slice));
  });
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.series.size() == 1);
  CHECK(study.series[0].header.images == 4);
}

TEST_CASE("echoes and inversions that are near and real stay apart", "[dicom][study]") {
  const TemporaryDirectory directory;
  const auto [tag, times] = GENERATE(
      std::pair(DCM_EchoTime, std::array{"2.3", "4.6"}), std::pair(DCM_EchoTime, std::array{"1.15", "2.30"}),
      std::pair(DCM_EchoTime, std::array{"20", "90"}), std::pair(DCM_EchoTime, std::array{"0.5", "0.98"}),
      std::pair(DCM_InversionTime, std::array{"700", "2500"}));
  test::write_edited(directory.path(), [&, tag = tag, times = times](DcmDataset& dataset, std::size_t slice) {
    dataset.putAndInsertString(tag, times.at(slice % 2));
  });
  CHECK(scan_study(list_files(directory.path())).series.size() == 2);
}

TEST_CASE("times of a study that runs past midnight go on", "[dicom][study]") {
  const TemporaryDirectory directory;
  test::write_edited(directory.path(), [](DcmDataset& dataset, std::size_t slice) {
    dataset.putAndInsertString(DCM_SeriesInstanceUID, slice < 2 ? "2.25.1003" : "2.25.1004");
    dataset.putAndInsertString(DCM_AcquisitionDate, slice < 2 ? "20240305" : "20240306");
    dataset.putAndInsertString(DCM_AcquisitionTime, slice < 2 ? "235900" : "000100");
  });
  const Study study = scan_study(list_files(directory.path()));
  REQUIRE(study.series.size() == 2);
  CHECK(study.series[1].header.acquisition_time_s.value() -
            study.series[0].header.acquisition_time_s.value() ==
        Approx(120));
}

TEST_CASE("enhanced series are read frame by frame", "[dicom][study][data]") {
  const auto data = test::test_data();
  if (!data) return;
  const Study study = scan_study(list_files(*data / "nema_brtum_enhanced" / "mr"));
  REQUIRE(study.series.size() == 8);
  CHECK(study.unreadable.empty());
  const Series& flair = study.series.at(1);
  CHECK(flair.header.series_description == "* FLAIR AXIAL");
  CHECK(flair.header.images == 24);
  CHECK(flair.header.ti_ms.value_or(0) == Approx(2200).margin(0.1));
  CHECK(flair.header.geometry_problem.empty());
  const LoadedSeries loaded = load_series(flair);
  // The frames are stored interleaved: slices 0 and 1 are 12 frames apart.
  CHECK(loaded.slices[0].frame_number == 1U);
  CHECK(loaded.slices[1].frame_number == 13U);
  CHECK(loaded.volume.geometry.spacing_mm[2] == Approx(6));
  const SeriesHeader& post = study.series.at(4).header;
  CHECK(post.contrast_administered == "YES");
  CHECK(post.contrast_phase == "POST_CONTRAST");
  CHECK(post.contrast_agent == "Dimeglumine gadopentetate");
}

TEST_CASE("a localizer in three planes has a geometry problem", "[dicom][study][data]") {
  const auto data = test::test_data();
  if (!data) return;
  const Study study = scan_study(list_files(*data / "ge_premier_3plane_localizer_phantom"));
  REQUIRE(study.series.size() == 1);
  CHECK_THAT(study.series[0].header.geometry_problem, ContainsSubstring("mixed orientations"));
  CHECK(study.series[0].header.ge_pulse_sequence_name == "SSFSE");
}

}  // namespace
}  // namespace metserve::dicom
