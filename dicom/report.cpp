#include <cstdio>
#include <memory>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmsr/cmr/init.h>
#include <dcmtk/dcmsr/cmr/tid1500.h>
#include <dcmtk/dcmsr/codes/dcm.h>
#include <dcmtk/dcmsr/codes/ucum.h>
#include <dcmtk/dcmsr/dsrdoc.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
#include "dicom/results.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

using code::private_scheme;
constexpr Code intended_use{"INTENDED_USE", private_scheme, "Intended use"};
constexpr Code sequence_used{"SEQ_USED", private_scheme, "Sequence used"};
constexpr Code sequence_left_out{"SEQ_LEFT_OUT", private_scheme, "Sequence left out"};
constexpr Code warning{"WARNING", private_scheme, "Processing warning"};
constexpr Code weights_hash{"WEIGHTS_SHA256", private_scheme, "SHA-256 of the model weights"};
constexpr Code registration_quality{"REG_QUALITY", private_scheme, "Registration quality"};
constexpr Code expected_performance{"EXPECTED", private_scheme, "Expected performance"};
constexpr Code follow_up{"FOLLOW_UP", private_scheme, "Comparison with an earlier study"};
constexpr Code change{"CHANGE", private_scheme, "Change since the earlier study"};
constexpr Code prior_volume{"PRIOR_VOLUME", private_scheme, "Volume in the earlier study"};
constexpr Code volume_change{"VOLUME_CHANGE", private_scheme, "Change of volume"};
constexpr Code mean_probability{"MEAN_PROB", private_scheme, "Mean model probability"};

constexpr Code mri_of_brain{"816077007", "SCT", "MRI of brain"};
constexpr Code finding{"121071", "DCM", "Finding"};
constexpr Code algorithm_name{"111001", "DCM", "Algorithm Name"};
constexpr Code algorithm_version{"111003", "DCM", "Algorithm Version"};
constexpr Code volume{"118565006", "SCT", "Volume"};
constexpr Code diameter{"81827009", "SCT", "Diameter"};
constexpr Code long_axis{"103339001", "SCT", "Long Axis"};
constexpr Code maximum{"56851009", "SCT", "Maximum"};
constexpr Code cubic_millimetre{"mm3", "UCUM", "cubic millimeter"};
constexpr Code millimetre{"mm", "UCUM", "millimeter"};
constexpr Code percent{"%", "UCUM", "percent"};
constexpr Code no_units{"1", "UCUM", "no units"};

constexpr std::size_t max_text = 10240;

OFString of(const std::string& text) {
  return {text.data(), text.size()};
}

DSRCodedEntryValue entry(const Code& code) {
  return {code.value, code.scheme, code.meaning};
}

/// DCMTK builds the tables of its context groups on first use, without a lock.
void initialise_context_groups() {
  static const bool done = [] {
    CMR_ContentMappingResource::initializeAllContextGroups();
    return true;
  }();
  static_cast<void>(done);
}

/// Reads the segmentation that the lesions refer to; null when there is neither.
std::unique_ptr<DcmFileFormat> read_segmentation(const ResultContext& context,
                                                 const std::filesystem::path& file) {
  if (context.lesions.empty()) return nullptr;
  if (file.empty())
    throw Error(Error::Kind::bad_input, "a report on lesions of series " +
                                            context.reference.header.series_instance_uid +
                                            " needs their segmentation");
  return read_file(file);
}

void add_observer(CMR_TID1500& report, const ResultContext& context) {
  const Algorithm& algorithm = context.algorithm;
  // The device is the program with its weights: one UID for all that the two ever report.
  const UidSource device(std::string(uuid_uid_root),
                         algorithm.software_version + '/' + algorithm.weights_sha256);
  require(report.getObservationContext().addDeviceObserver(of(device.uid("device")), "MetServe", "MetServe",
                                                           "MetServe",
                                                           of(algorithm.weights_sha256.substr(0, 16))),
          "device observer");
}

void add_measurement(CMR_TID1411_in_TID1500& group, const ResultContext& context, const ReferenceHead& head,
                     const Code& concept_name, double value, const Code& unit, bool is_maximum = false) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  const CMR_TID1411_in_TID1500::MeasurementValue measured(of(decimal_string(text)), entry(unit));
  require(group.addMeasurement(entry(concept_name), measured), concept_name.meaning);
  auto& measurement = group.getMeasurement();
  if (is_maximum) require(measurement.setDerivation(entry(maximum)), "derivation");
  require(measurement.setAlgorithmIdentification(of(head.encode(context.algorithm.name, max_text)),
                                                 of(head.encode(context.algorithm.version, max_text))),
          "algorithm identification");
}

void add_history(CMR_TID1411_in_TID1500& group, const ResultContext& context, const ReferenceHead& head,
                 const LesionHistory& history) {
  if (history.prior_volume_mm3 > 0) {
    add_measurement(group, context, head, prior_volume, history.prior_volume_mm3, cubic_millimetre);
    add_measurement(group, context, head, volume_change, history.volume_change_percent, percent);
  }
  const std::string text = history.remark.empty() ? history.change : history.change + ", " + history.remark;
  require(group.addQualitativeEvaluation(entry(change), of(head.encode(text, max_text))), change.meaning);
}

void add_lesion(CMR_TID1500& report, const ResultContext& context, const ReferenceHead& head,
                DcmDataset& segmentation, std::size_t index) {
  const LesionDescription& lesion = context.lesions[index];
  require(report.addVolumetricROIMeasurements(), "measurement group");
  CMR_TID1411_in_TID1500& group = report.getVolumetricROIMeasurements();
  require(group.setTrackingIdentifier(of(lesion_name(lesion.number))), "tracking identifier");
  require(group.setTrackingUniqueIdentifier(of(tracking_uid(context, lesion))), "tracking UID");
  require(group.setFinding(entry(code::metastasis_to_brain)), "finding");
  // Identifiers are set already, from what made the segmentation's.
  require(group.setReferencedSegment(segmentation, static_cast<Uint16>(index + 1), OFFalse),
          "referenced segment");
  require(group.setSourceSeriesForSegmentation(of(context.reference.header.series_instance_uid)),
          "source series");
  require(group.addFindingSite(entry(code::brain)), "finding site");
  add_measurement(group, context, head, volume, lesion.volume_mm3, cubic_millimetre);
  add_measurement(group, context, head, diameter, lesion.longest_diameter_mm, millimetre, true);
  add_measurement(group, context, head, long_axis, lesion.longest_diameter_in_plane_mm, millimetre);
  add_measurement(group, context, head, mean_probability, lesion.mean_probability, no_units);
  if (lesion.history) add_history(group, context, head, *lesion.history);
}

void add_statement(CMR_TID1500& report, const ReferenceHead& head, const Code& name,
                   const std::string& text) {
  require(report.addQualitativeEvaluation(entry(name), of(head.encode(text, max_text))), name.meaning);
}

void add_statements(CMR_TID1500& report, const ResultContext& context, const ReferenceHead& head) {
  add_statement(report, head, intended_use, std::string(research_use_statement));
  const std::size_t lesions = context.lesions.size();
  add_statement(report, head, finding,
                lesions == 0   ? "No lesion found"
                : lesions == 1 ? "1 lesion found"
                               : std::to_string(lesions) + " lesions found");
  add_statement(report, head, algorithm_name, context.algorithm.name);
  add_statement(report, head, algorithm_version, context.algorithm.version);
  if (!context.algorithm.weights_sha256.empty())
    add_statement(report, head, weights_hash, context.algorithm.weights_sha256);
  for (const std::string& text : context.sequences_used) add_statement(report, head, sequence_used, text);
  for (const std::string& text : context.sequences_left_out)
    add_statement(report, head, sequence_left_out, text);
  for (const std::string& text : context.registration_quality)
    add_statement(report, head, registration_quality, text);
  if (!context.expected_performance.empty())
    add_statement(report, head, expected_performance, context.expected_performance);
  for (const std::string& text : context.follow_up) add_statement(report, head, follow_up, text);
  for (const std::string& text : context.warnings) add_statement(report, head, warning, text);
}

/// PS3.3 C.17.2.2: the images that the report is about, and what it refers to.
void add_evidence(DSRDocument& document, const ResultContext& context, DcmDataset* segmentation) {
  DSRSOPInstanceReferenceList& evidence = document.getCurrentRequestedProcedureEvidence();
  for (const ObjectReference& image : context.images_used)
    require(evidence.addItem(of(image.study_instance_uid), of(image.series_instance_uid),
                             of(image.sop_class_uid), of(image.sop_instance_uid)),
            "evidence");
  if (segmentation != nullptr) require(evidence.addItem(*segmentation), "evidence");
}

void write_document(CMR_TID1500& report, const ResultContext& context, DcmDataset* segmentation,
                    DcmDataset& dataset) {
  DSRDocument document;
  require(document.createNewDocument(DSRTypes::DT_Comprehensive3DSR), "report");
  require(document.setTreeFromRootTemplate(report), "report's content");
  add_evidence(document, context, segmentation);
  require(document.getCodingSchemeIdentification().addItem(private_scheme), "coding scheme");
  require(document.getCodingSchemeIdentification().setCodingSchemeName("MetServe"), "coding scheme");
  if (const auto& superseded = context.supersedes.report)
    require(document.getPredecessorDocuments().addItem(
                of(superseded->study_instance_uid), of(superseded->series_instance_uid),
                of(superseded->sop_class_uid), of(superseded->sop_instance_uid)),
            "predecessor document");
  require(document.completeDocument("Automatic analysis complete"), "completion");
  require(document.write(dataset), "report");
}

}  // namespace

void write_report(const ResultContext& context, const std::filesystem::path& segmentation_file,
                  const std::filesystem::path& file) {
  require_consistent(context);
  initialise_context_groups();
  const ReferenceHead head(context.reference);
  const auto segmentation = read_segmentation(context, segmentation_file);

  CMR_TID1500 report(CID7021_MeasurementReportDocumentTitles::ImagingMeasurementReport);
  require(report.setLanguage(CID5000_Languages::English), "language");
  require(report.addProcedureReported(entry(mri_of_brain)), "procedure reported");
  add_observer(report, context);
  for (std::size_t n = 0; n < context.lesions.size(); ++n)
    add_lesion(report, context, head, *segmentation->getDataset(), n);
  add_statements(report, context, head);

  DcmFileFormat encoded;
  DcmDataset& dataset = *encoded.getDataset();
  write_document(report, context, segmentation ? segmentation->getDataset() : nullptr, dataset);
  put_common_modules(dataset, context, head, report_identity);
  put_superseded_series(dataset, context.supersedes.report);
  put(dataset, DCM_ContentDate, dicom_date(context.clock()));
  put(dataset, DCM_ContentTime, dicom_time(context.clock()));
  save(encoded, file);
}

}  // namespace metserve::dicom
