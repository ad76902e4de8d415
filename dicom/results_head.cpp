#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcspchrs.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

/// Patient (PS3.3 C.7.1.1), General Study (C.7.2.1) and Patient Study (C.7.2.2) attributes that are
/// inherited.
const DcmTagKey inherited[] = {DCM_SpecificCharacterSet,
                               DCM_PatientName,
                               DCM_PatientID,
                               DCM_IssuerOfPatientID,
                               DCM_IssuerOfPatientIDQualifiersSequence,
                               DCM_TypeOfPatientID,
                               DCM_PatientBirthDate,
                               DCM_PatientBirthTime,
                               DCM_PatientSex,
                               DCM_OtherPatientIDsSequence,
                               DCM_OtherPatientNames,
                               DCM_EthnicGroup,
                               DCM_PatientComments,
                               DCM_StudyInstanceUID,
                               DCM_StudyDate,
                               DCM_StudyTime,
                               DCM_ReferringPhysicianName,
                               DCM_StudyID,
                               DCM_AccessionNumber,
                               DCM_IssuerOfAccessionNumberSequence,
                               DCM_StudyDescription,
                               DCM_PhysiciansOfRecord,
                               DCM_PatientAge,
                               DCM_PatientSize,
                               DCM_PatientWeight};

const DcmTagKey type_2[] = {DCM_PatientName,    DCM_PatientID, DCM_PatientBirthDate,       DCM_PatientSex,
                            DCM_StudyDate,      DCM_StudyTime, DCM_ReferringPhysicianName, DCM_StudyID,
                            DCM_AccessionNumber};

/// Clinical trial subject and study modules and the deidentification attributes, but not the series module.
bool inherited_trial_attribute(const DcmTagKey& tag) {
  return tag.getGroup() == 0x0012 && tag != DCM_ClinicalTrialCoordinatingCenterName &&
         tag != DCM_ClinicalTrialSeriesID && tag != DCM_ClinicalTrialSeriesDescription;
}

void copy_element(DcmItem& source, const DcmTagKey& tag, DcmItem& target) {
  DcmElement* copy = nullptr;
  if (source.findAndGetElement(tag, copy, OFFalse, OFTrue).bad()) return;
  std::unique_ptr<DcmElement> owned(copy);
  if (owned->isEmpty() && DcmTag(tag).getEVR() == EVR_SQ) return;
  require(target.insert(owned.get(), OFTrue), DcmTag(tag).getTagName());
  static_cast<void>(owned.release());
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

/// Cuts UTF-8 after `max_characters` code points, and takes out what DICOM text must not hold.
std::string clean(const std::string& utf8, std::size_t max_characters) {
  std::string text;
  std::size_t characters = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    const bool starts_character = (byte & 0xC0) != 0x80;
    if (starts_character && ++characters > max_characters) break;
    const bool control = (byte < 0x20 && c != '\n') || byte == 0x7F;
    text += c == '\\' ? '/' : control ? ' ' : c;
  }
  return text;
}

std::string replace_non_ascii(const std::string& utf8) {
  std::string text;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      text += c;
    else if ((byte & 0xC0) == 0xC0)
      text += '?';
  }
  return text;
}

}  // namespace

ReferenceHead::ReferenceHead(const LoadedSeries& reference)
    : file_(read_file(reference.first_file)),
      character_set_(text_of(*file_->getDataset(), DCM_SpecificCharacterSet)) {}

std::string ReferenceHead::encode(const std::string& utf8, std::size_t max_characters) const {
  std::string text = clean(utf8, max_characters);
  if (is_ascii(text) || character_set_ == "ISO_IR 192") return text;
  DcmSpecificCharacterSet converter;
  OFString converted;
  const OFString target(character_set_.data(), character_set_.size());
  if (converter.selectCharacterSet("ISO_IR 192", target).good() &&
      converter.convertString(OFString(text.data(), text.size()), converted).good())
    return {converted.data(), converted.size()};
  return replace_non_ascii(text);
}

void ReferenceHead::copy_patient_and_study(DcmItem& target) const {
  DcmDataset& source = *file_->getDataset();
  if (!source.tagExists(DCM_SpecificCharacterSet)) target.findAndDeleteElement(DCM_SpecificCharacterSet);
  for (const DcmTagKey& tag : inherited) copy_element(source, tag, target);
  for (unsigned long i = 0; i < source.card(); ++i) {
    const DcmTagKey tag = source.getElement(i)->getTag();
    if (tag.getGroup() > 0x0012) break;
    if (inherited_trial_attribute(tag)) copy_element(source, tag, target);
  }
  for (const DcmTagKey& tag : type_2)
    if (!target.tagExists(tag)) require(target.insertEmptyElement(tag), DcmTag(tag).getTagName());
}

std::string inherited_text(const LoadedSeries& reference) {
  DcmItem inherited_values;
  ReferenceHead(reference).copy_patient_and_study(inherited_values);
  std::ostringstream text;
  inherited_values.print(text);
  return text.str();
}

std::vector<ObjectReference> instances_of(const LoadedSeries& series) {
  std::vector<ObjectReference> instances;
  std::set<std::string> seen;
  for (const SliceSource& source : series.slices)
    if (seen.insert(source.sop_instance_uid).second)
      instances.push_back({series.header.study_instance_uid, series.header.series_instance_uid,
                           source.sop_class_uid, source.sop_instance_uid});
  return instances;
}

std::string ReferenceHead::value(const DcmTagKey& tag) const {
  return text_of(*file_->getDataset(), tag);
}

}  // namespace metserve::dicom
