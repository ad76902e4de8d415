#include <algorithm>
#include <map>

#include "dicom/error.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve::dicom;
using namespace metserve::dicom::testing;

namespace {

const UidSource uids("2.25", "report test");

/// Content items below `item` whose concept is `code`, in document order.
void collect(DcmItem& item, const std::string& code, std::vector<DcmItem*>& found) {
  for (unsigned long n = 0; n < items_in(item, DCM_ContentSequence); ++n) {
    DcmItem& child = item_of(item, DCM_ContentSequence, static_cast<long>(n));
    DcmItem* name = nullptr;
    if (child.findAndGetSequenceItem(DCM_ConceptNameCodeSequence, name).good() &&
        text_of(*name, DCM_CodeValue) == code)
      found.push_back(&child);
    collect(child, code, found);
  }
}

std::vector<DcmItem*> content(DcmItem& report, const std::string& code) {
  std::vector<DcmItem*> found;
  collect(report, code, found);
  return found;
}

std::string number_in(DcmItem& item) {
  return text_of(item_of(item, DCM_MeasuredValueSequence), DCM_NumericValue);
}

}  // namespace

TEST_CASE("Reports pass dciodvfy for every plane, character set and lesion count", "[dicom][report]") {
  const TemporaryDirectory directory;
  const auto seg = directory / "seg.dcm", file = directory / "report.dcm";
  for (const ReferenceCase& one : reference_cases({Plane::sagittal, Plane::oblique}, {0, 1, 300})) {
    INFO(one.name());
    const LoadedSeries reference = make_reference(directory / "reference", one.options);
    const auto lesions = describe(one.lesions);
    const ResultContext context = make_context(reference, lesions, uids);
    if (one.lesions > 0) write_segmentation(context, draw_boxes(reference.volume.geometry, one.lesions), seg);
    write_report(context, one.lesions > 0 ? seg : std::filesystem::path(), file);
    require_valid_object(file);
    const auto format = read(file);
    REQUIRE(text_of(*format->getDataset(), DCM_PatientName) == one.options.patient_name);
    REQUIRE(text_of(*format->getDataset(), DCM_SpecificCharacterSet) == one.options.character_set);
    REQUIRE(content(*format->getDataset(), "125007").size() == one.lesions);
  }
}

TEST_CASE("A report measures each lesion and refers to its segment", "[dicom][report]") {
  const TemporaryDirectory directory;
  const auto seg = directory / "seg.dcm", file = directory / "report.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto lesions = describe(3);
  const ResultContext context = make_context(reference, lesions, uids);
  write_segmentation(context, draw_boxes(reference.volume.geometry, 3), seg);
  write_report(context, seg, file);
  const auto format = read(file), seg_format = read(seg);
  DcmItem& report = *format->getDataset();
  DcmItem& segmentation = *seg_format->getDataset();
  REQUIRE(text_of(report, DCM_Modality) == "SR");
  REQUIRE(text_of(report, DCM_SeriesNumber) == "9002");
  REQUIRE(text_of(report, DCM_VerificationFlag) == "UNVERIFIED");
  const auto groups = content(report, "125007");
  REQUIRE(groups.size() == 3);
  for (long n = 0; n < 3; ++n) {
    DcmItem& group = *groups[static_cast<std::size_t>(n)];
    DcmItem& segment = item_of(segmentation, DCM_SegmentSequence, n);
    REQUIRE(text_of(*content(group, "112039").at(0), DCM_TextValue) == text_of(segment, DCM_TrackingID));
    REQUIRE(text_of(*content(group, "112040").at(0), DCM_UID) == text_of(segment, DCM_TrackingUID));
    DcmItem& finding = item_of(*content(group, "121071").at(0), DCM_ConceptCodeSequence);
    REQUIRE(text_of(finding, DCM_CodeValue) == "94225005");
    DcmItem& image = item_of(*content(group, "121191").at(0), DCM_ReferencedSOPSequence);
    REQUIRE(text_of(image, DCM_ReferencedSOPInstanceUID) == text_of(segmentation, DCM_SOPInstanceUID));
    REQUIRE(text_of(image, DCM_ReferencedSegmentNumber) == std::to_string(n + 1));
    REQUIRE(text_of(*content(group, "121232").at(0), DCM_UID) == reference.header.series_instance_uid);
    REQUIRE(std::stod(number_in(*content(group, "118565006").at(0))) ==
            Approx(100.25 / (n + 1)).margin(1e-3));
    REQUIRE(number_in(*content(group, "81827009").at(0)) == "6.500");
  }
}

TEST_CASE("A report's evidence is every image that was used, and the segmentation", "[dicom][report]") {
  const TemporaryDirectory directory;
  const auto seg = directory / "seg.dcm", file = directory / "report.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto lesions = describe(1);
  ResultContext context = make_context(reference, lesions, uids);
  const std::size_t of_reference = context.images_used.size();
  for (const char* uid : {"1.2.5.1", "1.2.5.2"})
    context.images_used.push_back({reference.header.study_instance_uid, "1.2.5", UID_MRImageStorage, uid});
  write_segmentation(context, draw_boxes(reference.volume.geometry, 1), seg);
  write_report(context, seg, file);
  require_valid_object(file);
  const auto format = read(file);
  DcmItem& study = item_of(*format->getDataset(), DCM_CurrentRequestedProcedureEvidenceSequence);
  std::map<std::string, unsigned long> images;  // by series
  for (long n = 0; n < static_cast<long>(items_in(study, DCM_ReferencedSeriesSequence)); ++n) {
    DcmItem& series = item_of(study, DCM_ReferencedSeriesSequence, n);
    images[text_of(series, DCM_SeriesInstanceUID)] = items_in(series, DCM_ReferencedSOPSequence);
  }
  REQUIRE(images.size() == 3);
  REQUIRE(images.at(reference.header.series_instance_uid) == of_reference);
  REQUIRE(images.at("1.2.5") == 2);
  REQUIRE(images.at(text_of(*read(seg)->getDataset(), DCM_SeriesInstanceUID)) == 1);
}

TEST_CASE("A report says what was used, what was left out, and that it is for research", "[dicom][report]") {
  const TemporaryDirectory directory;
  const auto file = directory / "report.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto none = describe(0);
  const ResultContext context = make_context(reference, none, uids);
  write_report(context, {}, file);
  const auto format = read(file);
  DcmItem& report = *format->getDataset();
  const auto used = content(report, "SEQ_USED");
  REQUIRE(used.size() == 2);
  REQUIRE(text_of(*used[1], DCM_TextValue) == "FLAIR: series 5 'T\xEAte FLAIR'");
  REQUIRE(text_of(*content(report, "SEQ_LEFT_OUT").at(0), DCM_TextValue) == context.sequences_left_out[0]);
  REQUIRE(text_of(*content(report, "WARNING").at(0), DCM_TextValue) == context.warnings[0]);
  REQUIRE(text_of(*content(report, "WEIGHTS_SHA256").at(0), DCM_TextValue) ==
          context.algorithm.weights_sha256);
  REQUIRE(text_of(*content(report, "121071").at(0), DCM_TextValue) == "No lesion found");
  REQUIRE(text_of(*content(report, "INTENDED_USE").at(0), DCM_TextValue).find("Research use only") == 0);
  REQUIRE(content(report, "125007").empty());
}

TEST_CASE("A report says how series were registered, what to expect and what changed", "[dicom][report]") {
  const TemporaryDirectory directory;
  const auto seg = directory / "seg.dcm", file = directory / "report.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  auto lesions = describe(2);
  lesions[0].longest_diameter_in_plane_mm = 5.25;
  lesions[0].tracking_uid = "1.2.3.4";
  lesions[0].history = LesionHistory{"grown", 50, 100.5, "merged with GTV_MET_02"};
  lesions[1].number = 5;  // 2 to 4 are gone, or others'
  lesions[1].history = LesionHistory{"new", 0, 0, ""};
  ResultContext context = make_context(reference, lesions, uids);
  context.registration_quality = {"FLAIR to BRAVO: 1.0 degrees"};
  context.expected_performance = "Dice 0.65";
  context.follow_up = {"compared with another study", "GTV_MET_03: resolved"};
  write_segmentation(context, draw_boxes(reference.volume.geometry, 2), seg);
  write_report(context, seg, file);
  require_valid_object(file);
  require_valid_object(seg);
  const auto format = read(file), seg_format = read(seg);
  DcmItem& report = *format->getDataset();
  REQUIRE(text_of(*content(report, "REG_QUALITY").at(0), DCM_TextValue) == context.registration_quality[0]);
  REQUIRE(text_of(*content(report, "EXPECTED").at(0), DCM_TextValue) == "Dice 0.65");
  REQUIRE(text_of(*content(report, "FOLLOW_UP").at(1), DCM_TextValue) == "GTV_MET_03: resolved");
  const auto groups = content(report, "125007");
  REQUIRE(number_in(*content(*groups.at(0), "103339001").at(0)) == "5.250");
  REQUIRE(number_in(*content(*groups.at(0), "PRIOR_VOLUME").at(0)) == "50.000");
  REQUIRE(number_in(*content(*groups.at(0), "VOLUME_CHANGE").at(0)) == "100.500");
  REQUIRE(text_of(*content(*groups.at(0), "CHANGE").at(0), DCM_TextValue) == "grown, merged with GTV_MET_02");
  REQUIRE(text_of(*content(*groups.at(1), "CHANGE").at(0), DCM_TextValue) == "new");
  REQUIRE(content(*groups.at(1), "PRIOR_VOLUME").empty());
  DcmItem& first = item_of(*seg_format->getDataset(), DCM_SegmentSequence, 0);
  DcmItem& second = item_of(*seg_format->getDataset(), DCM_SegmentSequence, 1);
  REQUIRE(text_of(first, DCM_TrackingUID) == "1.2.3.4");
  REQUIRE(text_of(second, DCM_TrackingID) == "GTV_MET_05");
  REQUIRE(text_of(second, DCM_SegmentNumber) == "2");
}

TEST_CASE("A report on lesions without their segmentation is refused", "[dicom][report]") {
  const TemporaryDirectory directory;
  const auto file = directory / "report.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto lesions = describe(2);
  REQUIRE_THROWS_AS(write_report(make_context(reference, lesions, uids), {}, file), Error);
  REQUIRE_THROWS_AS(write_report(make_context(reference, lesions, uids), directory / "none.dcm", file),
                    Error);
  REQUIRE_FALSE(std::filesystem::exists(file));
}
