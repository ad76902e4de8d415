#include <set>
#include <sstream>

#include "dicom/error.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve::dicom;
using namespace metserve::dicom::testing;

namespace {

const UidSource uids("2.25", "structure set test");

/// `count` lesions of `slices` square contours each.
std::vector<std::vector<Contour>> squares(const VolumeGeometry& g, std::size_t count, std::size_t slices) {
  std::vector<std::vector<Contour>> contours(count);
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t s = 0; s < slices; ++s) {
      const std::size_t slice = (n + s) % g.size[2];
      const double i = static_cast<double>(n * 7 % (g.size[0] - 6)) + 1.5, k = static_cast<double>(slice);
      contours[n].push_back({.slice = slice,
                             .points_lps_mm = {g.lps_mm({i, 2.5, k}), g.lps_mm({i + 4, 2.5, k}),
                                               g.lps_mm({i + 4, 5.5, k}), g.lps_mm({i, 5.5, k})}});
    }
  return contours;
}

std::vector<double> numbers(const std::string& text) {
  std::vector<double> values;
  std::istringstream stream(text);
  for (std::string value; std::getline(stream, value, '\\');) {
    REQUIRE(value.size() <= 16);
    values.push_back(std::stod(value));
  }
  return values;
}

}  // namespace

TEST_CASE("Structure sets pass dciodvfy for every plane, character set and lesion count",
          "[dicom][rtstruct]") {
  const TemporaryDirectory directory;
  const auto file = directory / "rtstruct.dcm";
  for (const ReferenceCase& one : reference_cases({all_planes.begin(), all_planes.end()}, {1, 300})) {
    INFO(one.name());
    const LoadedSeries reference = make_reference(directory / "reference", one.options);
    const auto lesions = describe(one.lesions);
    write_structure_set(make_context(reference, lesions, uids),
                        squares(reference.volume.geometry, one.lesions, 3), file);
    require_valid_object(file);
    const auto format = read(file);
    REQUIRE(text_of(*format->getDataset(), DCM_PatientName) == one.options.patient_name);
    REQUIRE(text_of(*format->getDataset(), DCM_SpecificCharacterSet) == one.options.character_set);
  }
}

TEST_CASE("A structure set is unapproved, automatic and named for planning systems", "[dicom][rtstruct]") {
  const TemporaryDirectory directory;
  const auto file = directory / "rtstruct.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto lesions = describe(120);
  write_structure_set(make_context(reference, lesions, uids), squares(reference.volume.geometry, 120, 2),
                      file);
  const auto format = read(file);
  DcmItem& rt = *format->getDataset();
  REQUIRE(text_of(rt, DCM_ApprovalStatus) == "UNAPPROVED");
  REQUIRE(text_of(rt, DCM_StructureSetLabel).size() <= 16);
  REQUIRE(text_of(rt, DCM_FrameOfReferenceUID) == reference.header.frame_of_reference_uid);
  REQUIRE(text_of(rt, DCM_SeriesNumber) == "9001");
  REQUIRE(text_of(rt, DCM_SeriesDescription) == "Metastases RT, research use: BRAVO, FLAIR");
  REQUIRE(text_of(rt, DCM_StructureSetDescription).find("Research use only") == 0);
  std::set<std::string> names;
  for (long n = 0; n < 120; ++n) {
    DcmItem& roi = item_of(rt, DCM_StructureSetROISequence, n);
    DcmItem& observation = item_of(rt, DCM_RTROIObservationsSequence, n);
    DcmItem& contours = item_of(rt, DCM_ROIContourSequence, n);
    const std::string number = std::to_string(n + 1);
    REQUIRE(text_of(roi, DCM_ROINumber) == number);
    REQUIRE(text_of(observation, DCM_ReferencedROINumber) == number);
    REQUIRE(text_of(contours, DCM_ReferencedROINumber) == number);
    REQUIRE(text_of(roi, DCM_ROIGenerationAlgorithm) == "AUTOMATIC");
    REQUIRE(text_of(observation, DCM_RTROIInterpretedType) == "GTV");
    const std::string name = text_of(roi, DCM_ROIName);
    REQUIRE(name.size() <= 16);
    names.insert(name);
  }
  REQUIRE(names.size() == 120);
  REQUIRE(names.count("GTV_MET_01") == 1);
  REQUIRE(names.count("GTV_MET_120") == 1);
}

TEST_CASE("Contours refer to the image in whose plane they lie", "[dicom][rtstruct]") {
  const TemporaryDirectory directory;
  const auto file = directory / "rtstruct.dcm";
  for (const Plane plane : all_planes)
    for (const bool enhanced : {false, true}) {
      INFO(name_of(plane) << ", enhanced " << enhanced);
      LoadedSeries reference =
          make_reference(directory / "reference", {.plane = plane, .enhanced = enhanced});
      const VolumeGeometry& g = reference.volume.geometry;
      // A slice a little off the regular grid, as scanners round them: its contours follow it.
      const Vec3 moved = g.lps_mm({0, 0, 5.004});
      reference.slices[5].image_position = ds(moved);
      const auto lesions = describe(6);
      write_structure_set(make_context(reference, lesions, uids), squares(g, 6, 4), file);
      const auto format = read(file);
      DcmItem& rt = *format->getDataset();
      DcmItem& frame = item_of(rt, DCM_ReferencedFrameOfReferenceSequence);
      DcmItem& series =
          item_of(item_of(frame, DCM_RTReferencedStudySequence), DCM_RTReferencedSeriesSequence);
      REQUIRE(items_in(series, DCM_ContourImageSequence) == (enhanced ? 1 : g.size[2]));
      REQUIRE(numbers(text_of(item_of(series, DCM_ContourImageSequence), DCM_ReferencedFrameNumber)).size() ==
              (enhanced ? g.size[2] : 0));
      for (long n = 0; n < 6; ++n) {
        DcmItem& roi = item_of(rt, DCM_ROIContourSequence, n);
        REQUIRE(items_in(roi, DCM_ContourSequence) == 4);
        for (long c = 0; c < 4; ++c) {
          DcmItem& contour = item_of(roi, DCM_ContourSequence, c);
          REQUIRE(items_in(contour, DCM_ContourImageSequence) == 1);
          DcmItem& image = item_of(contour, DCM_ContourImageSequence);
          const SliceSource& source = reference.slices.at(static_cast<std::size_t>(n + c));
          REQUIRE(text_of(image, DCM_ReferencedSOPInstanceUID) == source.sop_instance_uid);
          REQUIRE(text_of(image, DCM_ReferencedFrameNumber) ==
                  (enhanced ? std::to_string(*source.frame_number) : ""));
          const auto position = numbers(source.image_position);
          const auto data = numbers(text_of(contour, DCM_ContourData));
          REQUIRE(data.size() == 12);
          for (std::size_t p = 0; p < data.size(); p += 3) {
            double off_plane = 0;
            for (std::size_t axis = 0; axis < 3; ++axis)
              off_plane += (data[p + axis] - position[axis]) * g.axes_lps[2][axis];
            REQUIRE(std::abs(off_plane) < 1e-4);
          }
        }
      }
    }
}

TEST_CASE("Contours that cannot be drawn are refused and leave no file", "[dicom][rtstruct]") {
  const TemporaryDirectory directory;
  const auto file = directory / "rtstruct.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto lesions = describe(2), none = describe(0);
  const ResultContext context = make_context(reference, lesions, uids);
  const auto good = squares(reference.volume.geometry, 2, 2);
  auto contours = good;
  contours[1].clear();
  REQUIRE_THROWS_AS(write_structure_set(context, contours, file), Error);
  contours = good;
  contours[0][1].points_lps_mm.resize(2);
  REQUIRE_THROWS_AS(write_structure_set(context, contours, file), Error);
  contours = good;
  contours[0][0].slice = reference.slices.size();
  REQUIRE_THROWS_AS(write_structure_set(context, contours, file), Error);
  contours = good;
  contours[0][0].points_lps_mm.resize(4000, {-123.45678, 123.45678, -123.45678});
  REQUIRE_THROWS_AS(write_structure_set(context, contours, file), Error);
  contours = good;
  contours.pop_back();
  REQUIRE_THROWS_AS(write_structure_set(context, contours, file), Error);
  REQUIRE_THROWS_AS(write_structure_set(make_context(reference, none, uids), {}, file), Error);
  auto misnumbered = lesions;
  misnumbered[1].number = 1;
  REQUIRE_THROWS_AS(write_structure_set(make_context(reference, misnumbered, uids), good, file), Error);
  REQUIRE_FALSE(std::filesystem::exists(file));
}
