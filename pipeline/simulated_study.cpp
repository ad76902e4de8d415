#include "pipeline/simulated_study.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "dicom/error.h"
#include "dicom/identity.h"
#include "dicom/mr_writer.h"
#include "pipeline/simulated_study_headers.h"
#include "pipeline/spatial_image.h"

namespace metserve::pipeline {

namespace {

using models::Slot;
using nlohmann::ordered_json;

double element(const torch::Tensor& matrix, std::int64_t row, std::int64_t column) {
  return matrix[row][column].item<double>();
}

std::string_view plane_of(const dicom::VolumeGeometry& geometry) {
  constexpr std::array<std::string_view, 3> planes{"SAG", "COR", "AX"};
  const dicom::Vec3& normal = geometry.axes_lps[2];
  const auto steepest = std::max_element(normal.begin(), normal.end(),
                                         [](double a, double b) { return std::abs(a) < std::abs(b); });
  return planes[static_cast<std::size_t>(steepest - normal.begin())];
}

/// What the pipeline will take as the reference.
const models::SimulatedSequence& reference_of(const models::SimulatedStudy& study) {
  for (const Slot slot : {Slot::t1_gre_post, Slot::t1_se_post, Slot::t1_se_pre, Slot::flair})
    for (const models::SimulatedSequence& sequence : study.sequences)
      if (sequence.slot == slot) return sequence;
  throw dicom::Error(dicom::Error::Kind::bad_input, "simulated study " + study.name + " has no sequences");
}

dicom::Vec3 moved(const torch::Tensor& motion, const dicom::Vec3& point) {
  dicom::Vec3 result{};
  for (std::int64_t row = 0; row < 3; ++row) {
    double value = element(motion, row, 3);
    for (std::int64_t column = 0; column < 3; ++column)
      value += element(motion, row, column) * point[static_cast<std::size_t>(column)];
    result[static_cast<std::size_t>(row)] = value;
  }
  return result;
}

ordered_json matrix_json(const torch::Tensor& matrix) {
  ordered_json rows = ordered_json::array();
  for (std::int64_t row = 0; row < 4; ++row) {
    rows.push_back(ordered_json::array());
    for (std::int64_t column = 0; column < 4; ++column) rows.back().push_back(element(matrix, row, column));
  }
  return rows;
}

ordered_json truth_json(const models::SimulatedStudy& study, const dicom::UidSource& uids) {
  const models::SimulatedSequence& reference = reference_of(study);
  ordered_json lesions = ordered_json::array();
  for (const models::SimulatedLesion& lesion : study.lesions)
    lesions.push_back({{"number", lesion.number},
                       {"diameter_mm", lesion.diameter_mm},
                       {"volume_mm3", lesion.volume_mm3},
                       {"centroid_lps_mm", moved(reference.patient_motion, lesion.centroid_lps_mm)}});
  ordered_json motion = ordered_json::array();
  for (const models::SimulatedSequence& sequence : study.sequences)
    motion.push_back({{"slot", models::id(sequence.slot)},
                      {"series_instance_uid", uids.uid(models::id(sequence.slot))},
                      {"still_to_series_lps_mm", matrix_json(sequence.patient_motion)}});
  return {{"simulated", true},
          {"name", study.name},
          {"reference_series", uids.uid(models::id(reference.slot))},
          {"lesions", lesions},
          {"motion", motion}};
}

dicom::StudyIdentity identity_of(const models::SimulatedStudy& study, const dicom::UidSource& uids) {
  dicom::StudyIdentity identity;
  identity.patient_name = "SIMULATED^" + study.name;
  identity.patient_id = "SIM-" + study.name;
  identity.patient_birth_date = "19600101";
  identity.patient_sex = "O";
  identity.study_instance_uid = uids.uid("study");
  identity.frame_of_reference_uid = uids.uid("frame of reference");
  identity.study_date = "20250102";
  identity.study_time = "100000";
  identity.study_description = "Simulated brain metastases";
  return identity;
}

/// Studies of one name that differ in what was simulated must not share UIDs.
std::string content(const models::SimulatedStudy& study, Vendor vendor) {
  std::string text = "simulated study " + study.name + ' ' + std::to_string(static_cast<int>(vendor));
  for (const models::SimulatedSequence& sequence : study.sequences) {
    text += '\n' + std::string(models::id(sequence.slot));
    for (std::int64_t c = 0; c < 3; ++c) text += ' ' + std::to_string(element(sequence.patient_motion, c, 3));
  }
  for (const models::SimulatedLesion& lesion : study.lesions)
    for (const double coordinate : lesion.centroid_lps_mm) text += ' ' + std::to_string(coordinate);
  return text;
}

}  // namespace

std::optional<Vendor> vendor_from_name(std::string_view name) {
  if (name == "ge") return Vendor::ge;
  if (name == "siemens") return Vendor::siemens;
  if (name == "philips") return Vendor::philips;
  return std::nullopt;
}

std::filesystem::path write_dicom_study(const models::SimulatedStudy& study, Vendor vendor,
                                        const std::filesystem::path& directory) {
  const dicom::UidSource uids("2.25", content(study, vendor));
  const dicom::StudyIdentity identity = identity_of(study, uids);
  std::filesystem::path folder = directory / study.name;
  for (const models::SimulatedSequence& sequence : study.sequences) {
    dicom::Volume volume = to_volume(sequence.image);
    for (float& value : volume.voxels) value = std::max(value, 0.0F);
    dicom::SeriesHeader header = vendor_header(vendor, sequence, plane_of(volume.geometry));
    header.series_instance_uid = uids.uid(models::id(sequence.slot));
    dicom::write_mr_series(identity, header, volume, folder / models::id(sequence.slot));
  }
  std::ofstream file(folder / "truth.json");
  file << truth_json(study, uids).dump(2) << '\n';
  file.close();
  if (!file)
    throw dicom::Error(dicom::Error::Kind::io, (folder / "truth.json").string() + ": cannot be written");
  return folder;
}

}  // namespace metserve::pipeline
