#include "dicom/results_dataset.h"

#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <sstream>
#include <system_error>

#include <dcmtk/dcmdata/dctk.h>

#include "dicom/error.h"

namespace metserve::dicom {

// A title and all four sequences fit the 64 characters of a series description: 15 at most.
const ObjectIdentity segmentation_identity{UID_SegmentationStorage, "seg", "SEG", "Metastases SEG", 0};
const ObjectIdentity structure_set_identity{UID_RTStructureSetStorage, "rtstruct", "RTSTRUCT",
                                            "Metastases RT", 1};
const ObjectIdentity report_identity{UID_Comprehensive3DSRStorage, "sr", "SR", "Metastases SR", 2};
const ObjectIdentity key_image_identity{UID_SecondaryCaptureImageStorage, "key-image", "OT", "Mets pictures",
                                        3};
const ObjectIdentity probability_identity{UID_SegmentationStorage, "probability", "SEG", "Probability map",
                                          4};
const ObjectIdentity axial_series_identity{UID_MRImageStorage, "axial", "MR", "Axial reformat", 5};
const ObjectIdentity axial_structure_set_identity{UID_RTStructureSetStorage, "axial-rtstruct", "RTSTRUCT",
                                                  "Mets RT axial", 6};

void require(const OFCondition& condition, std::string_view what) {
  if (condition.bad())
    throw Error(Error::Kind::bad_input, "cannot encode " + std::string(what) + ": " + condition.text());
}

void put(DcmItem& item, const DcmTagKey& tag, const std::string& value) {
  require(item.putAndInsertOFStringArray(tag, OFString(value.data(), value.size())),
          std::string(DcmTag(tag).getTagName()) + " '" + value + "'");
}

DcmItem& append_item(DcmItem& parent, const DcmTagKey& tag) {
  DcmItem* item = nullptr;
  require(parent.findOrCreateSequenceItem(tag, item, -2), DcmTag(tag).getTagName());
  return *item;
}

void append_code(DcmItem& parent, const DcmTagKey& tag, const Code& code) {
  DcmItem& item = append_item(parent, tag);
  put(item, DCM_CodeValue, code.value);
  put(item, DCM_CodingSchemeDesignator, code.scheme);
  put(item, DCM_CodeMeaning, code.meaning);
}

std::string lesion_name(int number) {
  char name[24];
  std::snprintf(name, sizeof name, "GTV_MET_%02d", number);
  return name;
}

std::string decimal_string(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  // A sign, an exponent and ten digits can be 17 bytes; then the last digit goes.
  if (std::string_view(text).size() > 16) std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string decimal_string(const std::string& text) {
  if (text.size() <= 16) return text;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(value))
    throw Error(Error::Kind::bad_input, "'" + text + "' is not a decimal string");
  return decimal_string(value);
}

std::string instance_uid(const UidSource& uids, const ObjectIdentity& object) {
  return uids.uid(std::string(object.role) + "/instance");
}

std::string tracking_uid(const ResultContext& context, const LesionDescription& lesion) {
  if (!lesion.tracking_uid.empty()) return lesion.tracking_uid;
  return context.uids.uid("lesion/" + std::to_string(lesion.number) + "/tracking");
}

namespace {

std::string format_local(std::chrono::system_clock::time_point time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[16];
  return {text, std::strftime(text, sizeof text, format, &local)};
}

/// "Metastases SEG, research use: BRAVO, FLAIR": what a worklist shows of the object.
std::string series_description(const ResultContext& context, const char* title) {
  std::string text = std::string(title) + ", research use";
  const char* separator = ": ";
  for (const std::string& sentence : context.sequences_used) {
    text += separator + sentence.substr(0, sentence.find(':'));
    separator = ", ";
  }
  return text;
}

void put_equipment(DcmItem& dataset, const Algorithm& algorithm, const ReferenceHead& head) {
  put(dataset, DCM_Manufacturer, "MetServe");
  put(dataset, DCM_ManufacturerModelName, "MetServe");
  // The model is the device: its weights tell one apart from another.
  const std::string serial = algorithm.weights_sha256.substr(0, 16);
  put(dataset, DCM_DeviceSerialNumber, serial.empty() ? "unknown" : head.encode(serial, 64));
  std::string versions = head.encode("MetServe " + algorithm.software_version, 64);
  if (!algorithm.weights_sha256.empty()) versions += '\\' + head.encode(algorithm.weights_sha256, 64);
  // Last, and a character short: the whole value may be padded by one.
  versions += '\\' + head.encode(algorithm.name + " " + algorithm.version, 63);
  put(dataset, DCM_SoftwareVersions, versions);
}

}  // namespace

std::string dicom_date(std::chrono::system_clock::time_point time) {
  return format_local(time, "%Y%m%d");
}
std::string dicom_time(std::chrono::system_clock::time_point time) {
  return format_local(time, "%H%M%S");
}

void require_consistent(const ResultContext& context) {
  const LoadedSeries& reference = context.reference;
  const std::string series = "series " + reference.header.series_instance_uid;
  if (reference.header.frame_of_reference_uid.empty())
    throw Error(Error::Kind::bad_input,
                series + " has no Frame of Reference UID: its results would have no place");
  if (reference.slices.size() != reference.volume.geometry.size[2])
    throw Error(Error::Kind::bad_input, series + " has " + std::to_string(reference.slices.size()) +
                                            " sources for " +
                                            std::to_string(reference.volume.geometry.size[2]) + " slices");
  int last = 0;
  for (const LesionDescription& lesion : context.lesions) {
    if (lesion.number <= last)
      throw Error(Error::Kind::bad_input, "lesion " + std::to_string(lesion.number) + " of " + series +
                                              " follows lesion " + std::to_string(last) +
                                              ": numbers rise from 1");
    last = lesion.number;
  }
}

void put_compression(DcmItem& dataset, const ReferenceHead& head) {
  if (head.value(DCM_LossyImageCompression) != "01") return;
  put(dataset, DCM_LossyImageCompression, "01");
  for (const DcmTagKey& tag : {DCM_LossyImageCompressionRatio, DCM_LossyImageCompressionMethod})
    if (!head.value(tag).empty()) put(dataset, tag, head.value(tag));
}

void put_superseded_series(DcmItem& dataset, const std::optional<ObjectReference>& superseded) {
  if (!superseded) return;
  DcmItem& series = append_item(dataset, DCM_RelatedSeriesSequence);
  put(series, DCM_StudyInstanceUID, superseded->study_instance_uid);
  put(series, DCM_SeriesInstanceUID, superseded->series_instance_uid);
  append_code(series, DCM_PurposeOfReferenceCodeSequence, code::superseded);
}

void put_common_modules(DcmItem& dataset, const ResultContext& context, const ReferenceHead& head,
                        const ObjectIdentity& object) {
  const SeriesHeader& reference = context.reference.header;
  if (reference.frame_of_reference_uid.empty())
    throw Error(Error::Kind::bad_input,
                "series " + reference.series_instance_uid +
                    " has no Frame of Reference UID: its results would have no place");
  head.copy_patient_and_study(dataset);
  const auto now = context.clock();
  put(dataset, DCM_SOPClassUID, object.sop_class_uid);
  put(dataset, DCM_SOPInstanceUID, instance_uid(context.uids, object));
  put(dataset, DCM_InstanceCreationDate, dicom_date(now));
  put(dataset, DCM_InstanceCreationTime, dicom_time(now));
  put(dataset, DCM_Modality, object.modality);
  put(dataset, DCM_SeriesInstanceUID, context.uids.uid(std::string(object.role) + "/series"));
  put(dataset, DCM_SeriesNumber, std::to_string(context.series_number_offset + object.number_offset));
  put(dataset, DCM_SeriesDescription, head.encode(series_description(context, object.title), 64));
  put(dataset, DCM_SeriesDate, dicom_date(now));
  put(dataset, DCM_SeriesTime, dicom_time(now));
  put_equipment(dataset, context.algorithm, head);
}

std::string provenance(const ResultContext& context) {
  std::string text(research_use_statement);
  for (const std::string& sentence : context.sequences_used) text += "\n" + std::string(used_key) + sentence;
  for (const std::string& sentence : context.sequences_left_out) text += "\nLeft out: " + sentence;
  if (!context.expected_performance.empty()) text += "\nExpected: " + context.expected_performance;
  for (const std::string& sentence : context.follow_up) text += "\nFollow-up: " + sentence;
  for (const std::string& sentence : context.warnings) text += "\nWarning: " + sentence;
  return text;
}

std::vector<std::string> values_of(std::string_view key, const std::string& text) {
  std::vector<std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) values.push_back(line.substr(key.size()));
  return values;
}

void save(DcmFileFormat& file, const std::filesystem::path& path) {
  std::filesystem::path partial = path;
  partial += ".part";
  const OFCondition written = file.saveFile(partial.c_str(), EXS_LittleEndianExplicit);
  std::error_code error;
  if (written.good()) std::filesystem::rename(partial, path, error);
  if (written.good() && !error) return;
  const std::string reason = written.bad() ? written.text() : error.message();
  std::filesystem::remove(partial, error);
  throw Error(Error::Kind::io, "cannot write " + path.string() + ": " + reason);
}

}  // namespace metserve::dicom
