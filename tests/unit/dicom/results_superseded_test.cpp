#include "dicom/results.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve::dicom;
using namespace metserve::dicom::testing;

namespace {

const UidSource uids("2.25", "superseded test");

}  // namespace

TEST_CASE("A result names the one that it replaces in every object", "[dicom][report]") {
  const TemporaryDirectory directory;
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto lesions = describe(2);
  const auto labels = draw_boxes(reference.volume.geometry, 2);
  const std::vector<std::vector<Contour>> contours(
      2, {{0,
           {reference.volume.geometry.lps_mm({1, 1, 0}), reference.volume.geometry.lps_mm({5, 1, 0}),
            reference.volume.geometry.lps_mm({5, 5, 0})}}});
  const auto write = [&](const UidSource& source, const std::filesystem::path& folder,
                         const ResultReferences& superseded) {
    std::filesystem::create_directories(folder);
    ResultContext context = make_context(reference, lesions, source);
    context.supersedes = superseded;
    write_segmentation(context, labels, folder / "seg.dcm");
    write_structure_set(context, contours, folder / "rtstruct.dcm");
    write_report(context, folder / "seg.dcm", folder / "report.dcm");
  };
  write(uids, directory / "first", {});
  const UidSource others("2.25", "another content");
  write(others, directory / "second", read_earlier_result(directory / "first").objects);
  for (const char* name : {"seg.dcm", "rtstruct.dcm", "report.dcm"}) {
    INFO(name);
    require_valid_object(directory / "second" / name);
    const auto first = read(directory / "first" / name);
    const auto second = read(directory / "second" / name);
    CHECK(items_in(*first->getDataset(), DCM_RelatedSeriesSequence) == 0);
    DcmItem& series = item_of(*second->getDataset(), DCM_RelatedSeriesSequence);
    CHECK(text_of(series, DCM_SeriesInstanceUID) == text_of(*first->getDataset(), DCM_SeriesInstanceUID));
  }
  const auto uid_in_first = [&](const char* name) {
    return text_of(*read(directory / "first" / name)->getDataset(), DCM_SOPInstanceUID);
  };
  const auto rtstruct = read(directory / "second/rtstruct.dcm");
  CHECK(text_of(item_of(*rtstruct->getDataset(), DCM_PredecessorStructureSetSequence),
                DCM_ReferencedSOPInstanceUID) == uid_in_first("rtstruct.dcm"));
  const auto report = read(directory / "second/report.dcm");
  DcmItem& study = item_of(*report->getDataset(), DCM_PredecessorDocumentsSequence);
  DcmItem& document = item_of(item_of(study, DCM_ReferencedSeriesSequence), DCM_ReferencedSOPSequence);
  CHECK(text_of(document, DCM_ReferencedSOPInstanceUID) == uid_in_first("report.dcm"));

  const EarlierResult again = read_earlier_result(directory / "second");
  CHECK(again.unreadable.empty());
  CHECK(are_named_by(again.objects, others));
  CHECK_FALSE(are_named_by(again.objects, uids));
  const EarlierResult first = read_earlier_result(directory / "first");
  CHECK_FALSE(first.replaced.report);
  CHECK(again.replaced.report->sop_instance_uid == first.objects.report->sop_instance_uid);
  CHECK(again.replaced.structure_set->sop_instance_uid == first.objects.structure_set->sop_instance_uid);
  CHECK(again.replaced.segmentation->series_instance_uid == first.objects.segmentation->series_instance_uid);
}

TEST_CASE("What cannot be read of an earlier result is listed", "[dicom][report]") {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "earlier");
  std::ofstream(directory / "earlier/report.dcm") << "no DICOM";
  std::ofstream(directory / "earlier/seg.dcm");
  const EarlierResult earlier = read_earlier_result(directory / "earlier");
  CHECK(earlier.unreadable == std::vector<std::string>{"seg.dcm", "report.dcm"});
  CHECK_FALSE(earlier.objects.report);
  CHECK(read_earlier_result(directory / "nowhere").unreadable.empty());
}
