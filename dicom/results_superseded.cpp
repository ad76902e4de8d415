#include <system_error>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
#include "dicom/part10.h"
#include "dicom/results.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

/// The instance that a structure set or a report replaces; null when it names none.
DcmItem* replaced_instance(DcmItem& dataset) {
  if (DcmItem* structure_set = first_item(dataset, DCM_PredecessorStructureSetSequence)) return structure_set;
  DcmItem* item = first_item(dataset, DCM_PredecessorDocumentsSequence);
  if (item != nullptr) item = first_item(*item, DCM_ReferencedSeriesSequence);
  return item == nullptr ? nullptr : first_item(*item, DCM_ReferencedSOPSequence);
}

std::optional<ObjectReference> replaced_by(DcmItem& dataset) {
  DcmItem* series = first_item(dataset, DCM_RelatedSeriesSequence);
  if (series == nullptr) return std::nullopt;
  ObjectReference reference{
      text_of(*series, DCM_StudyInstanceUID), text_of(*series, DCM_SeriesInstanceUID), {}, {}};
  if (DcmItem* instance = replaced_instance(dataset)) {
    reference.sop_class_uid = text_of(*instance, DCM_ReferencedSOPClassUID);
    reference.sop_instance_uid = text_of(*instance, DCM_ReferencedSOPInstanceUID);
  }
  return reference;
}

struct ReadObject {
  std::optional<ObjectReference> object, replaced;
};

ReadObject read_object(const std::filesystem::path& file) {
  const auto format = read_file(file);
  DcmDataset& dataset = *format->getDataset();
  const ObjectReference object{text_of(dataset, DCM_StudyInstanceUID),
                               text_of(dataset, DCM_SeriesInstanceUID), text_of(dataset, DCM_SOPClassUID),
                               text_of(dataset, DCM_SOPInstanceUID)};
  for (const auto* uid : {&object.study_instance_uid, &object.series_instance_uid, &object.sop_class_uid,
                          &object.sop_instance_uid})
    if (!is_valid_uid(*uid)) throw Error(Error::Kind::bad_input, file.string() + ": has no valid UIDs");
  return {object, replaced_by(dataset)};
}

/// Nothing for a file that is not there.
ReadObject read_if_there(const std::filesystem::path& file, std::vector<std::string>& unreadable) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  try {
    return read_object(file);
  } catch (const Error&) {
    unreadable.push_back(file.filename());
    return {};
  }
}

}  // namespace

EarlierResult read_earlier_result(const std::filesystem::path& directory) {
  EarlierResult result;
  const auto segmentation = read_if_there(directory / "seg.dcm", result.unreadable);
  const auto structure_set = read_if_there(directory / "rtstruct.dcm", result.unreadable);
  const auto report = read_if_there(directory / "report.dcm", result.unreadable);
  const auto probability = read_if_there(directory / "probability.dcm", result.unreadable);
  const auto axial = read_if_there(directory / "axial_rtstruct.dcm", result.unreadable);
  result.objects = {segmentation.object, structure_set.object, report.object, probability.object,
                    axial.object};
  result.replaced = {segmentation.replaced, structure_set.replaced, report.replaced, probability.replaced,
                     axial.replaced};
  return result;
}

bool are_named_by(const ResultReferences& objects, const UidSource& uids) {
  const auto named = [&](const std::optional<ObjectReference>& object, const ObjectIdentity& identity) {
    return object && object->sop_instance_uid == instance_uid(uids, identity);
  };
  return named(objects.segmentation, segmentation_identity) ||
         named(objects.structure_set, structure_set_identity) || named(objects.report, report_identity) ||
         named(objects.probability, probability_identity);
}

}  // namespace metserve::dicom
