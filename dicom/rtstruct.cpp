#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
#include "dicom/results.h"
#include "dicom/results_colour.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

// Retired, and still what PS3.3 C.8.8.5 readers expect as the class of a referenced study.
constexpr const char* detached_study_management = "1.2.840.10008.3.1.2.3.1";
constexpr std::size_t max_value_bytes = 65534;  // of a VR with a 16-bit length, PS3.5 7.1.2

/// Ten characters at most for anything within a scanner, where treatment planning systems refuse 17.
std::string coordinate(double mm) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", std::abs(mm) < 0.00005 ? 0.0 : mm);
  return decimal_string(text);
}

/// Where a slice really lies less where the regular grid says it does: points belong into its plane exactly.
Vec3 offset_of(const LoadedSeries& reference, std::size_t slice) {
  const std::string& text = reference.slices[slice].image_position;
  const std::vector<double> position = parse_numbers(text);
  if (position.size() != 3)
    throw Error(Error::Kind::bad_input, "instance " + reference.slices[slice].sop_instance_uid +
                                            " has the image position '" + text + "'");
  const Vec3 regular = reference.volume.geometry.lps_mm({0, 0, static_cast<double>(slice)});
  return {position[0] - regular[0], position[1] - regular[1], position[2] - regular[2]};
}

std::string contour_data(const Contour& contour, const Vec3& offset) {
  std::string data;
  for (const Vec3& point : contour.points_lps_mm)
    for (std::size_t c = 0; c < 3; ++c) {
      if (!data.empty()) data += '\\';
      data += coordinate(point[c] + offset[c]);
    }
  return data;
}

void require_drawable(const ResultContext& context, const std::vector<std::vector<Contour>>& contours) {
  const std::string series = " on series " + context.reference.header.series_instance_uid;
  if (contours.size() != context.lesions.size())
    throw Error(Error::Kind::bad_input, std::to_string(contours.size()) + " sets of contours for " +
                                            std::to_string(context.lesions.size()) + " lesions" + series);
  if (contours.empty())
    throw Error(Error::Kind::bad_input, "no lesion" + series + ": there is nothing to contour");
  for (std::size_t n = 0; n < contours.size(); ++n) {
    const std::string lesion = "lesion " + std::to_string(n + 1) + series;
    if (contours[n].empty()) throw Error(Error::Kind::bad_input, lesion + " has no contour");
    for (const Contour& contour : contours[n]) {
      if (contour.points_lps_mm.size() < 3)
        throw Error(Error::Kind::bad_input, lesion + " has a contour of fewer than 3 points");
      if (contour.slice >= context.reference.slices.size())
        throw Error(Error::Kind::bad_input,
                    lesion + " has a contour beyond the last slice: " + std::to_string(contour.slice));
    }
  }
}

const std::optional<ObjectReference>& superseded_set(const ResultContext& context) {
  return context.on_axial ? context.supersedes.axial_structure_set : context.supersedes.structure_set;
}

void put_structure_set(DcmItem& dataset, const ResultContext& context, const ReferenceHead& head) {
  put(dataset, DCM_InstanceNumber, "1");
  put(dataset, DCM_OperatorsName, "");
  put(dataset, DCM_StructureSetLabel, "AI METASTASES");
  put(dataset, DCM_StructureSetName, "Brain metastases, AI, research use only");
  put(dataset, DCM_StructureSetDescription, head.encode(provenance(context), 1024));
  put(dataset, DCM_StructureSetDate, dicom_date(context.clock()));
  put(dataset, DCM_StructureSetTime, dicom_time(context.clock()));
  put(dataset, DCM_FrameOfReferenceUID, context.reference.header.frame_of_reference_uid);
  put(dataset, DCM_PositionReferenceIndicator, "");
  put(dataset, DCM_ApprovalStatus, "UNAPPROVED");
  const auto& superseded = superseded_set(context);
  put_superseded_series(dataset, superseded);
  if (!superseded) return;
  DcmItem& predecessor = append_item(dataset, DCM_PredecessorStructureSetSequence);
  put(predecessor, DCM_ReferencedSOPClassUID, superseded->sop_class_uid);
  put(predecessor, DCM_ReferencedSOPInstanceUID, superseded->sop_instance_uid);
}

void put_image_reference(DcmItem& item, const SliceSource& source) {
  put(item, DCM_ReferencedSOPClassUID, source.sop_class_uid);
  put(item, DCM_ReferencedSOPInstanceUID, source.sop_instance_uid);
  if (source.frame_number) put(item, DCM_ReferencedFrameNumber, std::to_string(*source.frame_number));
}

/// Frame of reference, study, series and all of its images; frames of one instance share an item.
void put_referenced_images(DcmItem& dataset, const LoadedSeries& reference) {
  DcmItem& frame = append_item(dataset, DCM_ReferencedFrameOfReferenceSequence);
  put(frame, DCM_FrameOfReferenceUID, reference.header.frame_of_reference_uid);
  DcmItem& study = append_item(frame, DCM_RTReferencedStudySequence);
  put(study, DCM_ReferencedSOPClassUID, detached_study_management);
  put(study, DCM_ReferencedSOPInstanceUID, reference.header.study_instance_uid);
  DcmItem& series = append_item(study, DCM_RTReferencedSeriesSequence);
  put(series, DCM_SeriesInstanceUID, reference.header.series_instance_uid);
  struct Instance {
    DcmItem* item;
    std::string frames;
  };
  std::map<std::string, Instance> instances;
  for (const SliceSource& source : reference.slices) {
    auto found = instances.find(source.sop_instance_uid);
    if (found == instances.end()) {
      DcmItem& item = append_item(series, DCM_ContourImageSequence);
      put_image_reference(item, source);
      found = instances.emplace(source.sop_instance_uid, Instance{&item, {}}).first;
    }
    if (!source.frame_number) continue;
    Instance& instance = found->second;
    instance.frames += (instance.frames.empty() ? "" : "\\") + std::to_string(*source.frame_number);
  }
  for (const auto& [uid, instance] : instances)
    if (!instance.frames.empty()) put(*instance.item, DCM_ReferencedFrameNumber, instance.frames);
}

void put_roi(DcmItem& dataset, const ResultContext& context, const LesionDescription& lesion) {
  const std::string number = std::to_string(lesion.number);
  DcmItem& roi = append_item(dataset, DCM_StructureSetROISequence);
  put(roi, DCM_ROINumber, number);
  put(roi, DCM_ReferencedFrameOfReferenceUID, context.reference.header.frame_of_reference_uid);
  put(roi, DCM_ROIName, lesion_name(lesion.number));
  put(roi, DCM_ROIVolume, decimal_string(lesion.volume_mm3 / 1000));  // in cm3
  put(roi, DCM_ROIGenerationAlgorithm, "AUTOMATIC");
  put(roi, DCM_ROIGenerationDescription, "MetServe, AI, research use only");

  DcmItem& observation = append_item(dataset, DCM_RTROIObservationsSequence);
  put(observation, DCM_ObservationNumber, number);
  put(observation, DCM_ReferencedROINumber, number);
  put(observation, DCM_ROIObservationLabel, lesion_name(lesion.number));
  append_code(observation, DCM_RTROIIdentificationCodeSequence, code::secondary_neoplasm);
  put(observation, DCM_RTROIInterpretedType, "GTV");
  put(observation, DCM_ROIInterpreter, "");
}

void put_contours(DcmItem& dataset, const ResultContext& context, const LesionDescription& lesion,
                  const std::vector<Contour>& contours) {
  DcmItem& roi = append_item(dataset, DCM_ROIContourSequence);
  const auto rgb = lesion_colour(lesion.number).rgb;
  put(roi, DCM_ROIDisplayColor,
      std::to_string(rgb[0]) + "\\" + std::to_string(rgb[1]) + "\\" + std::to_string(rgb[2]));
  put(roi, DCM_ReferencedROINumber, std::to_string(lesion.number));
  int number = 0;
  for (const Contour& contour : contours) {
    DcmItem& item = append_item(roi, DCM_ContourSequence);
    put_image_reference(append_item(item, DCM_ContourImageSequence), context.reference.slices[contour.slice]);
    put(item, DCM_ContourNumber, std::to_string(++number));
    put(item, DCM_ContourGeometricType, "CLOSED_PLANAR");
    put(item, DCM_NumberOfContourPoints, std::to_string(contour.points_lps_mm.size()));
    const std::string data = contour_data(contour, offset_of(context.reference, contour.slice));
    if (data.size() > max_value_bytes)
      throw Error(Error::Kind::bad_input, "lesion " + std::to_string(lesion.number) + " has a contour of " +
                                              std::to_string(contour.points_lps_mm.size()) +
                                              " points: more than a structure set holds, thin it out");
    put(item, DCM_ContourData, data);
  }
}

}  // namespace

void write_structure_set(const ResultContext& context, const std::vector<std::vector<Contour>>& contours,
                         const std::filesystem::path& file) {
  require_consistent(context);
  require_drawable(context, contours);
  const ReferenceHead head(context.reference);
  DcmFileFormat encoded;
  DcmDataset& dataset = *encoded.getDataset();
  put_common_modules(dataset, context, head,
                     context.on_axial ? axial_structure_set_identity : structure_set_identity);
  put_structure_set(dataset, context, head);
  put_referenced_images(dataset, context.reference);
  for (std::size_t n = 0; n < contours.size(); ++n) {
    put_roi(dataset, context, context.lesions[n]);
    put_contours(dataset, context, context.lesions[n], contours[n]);
  }
  save(encoded, file);
}

}  // namespace metserve::dicom
