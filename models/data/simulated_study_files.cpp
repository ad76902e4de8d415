#include "models/data/simulated_study_files.h"

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "models/data/nifti.h"
#include "models/error.h"

namespace metserve::models {
namespace {

using nlohmann::json;

json to_json(const torch::Tensor& matrix) {
  json rows = json::array();
  for (int row = 0; row < 4; ++row) {
    json values = json::array();
    for (int column = 0; column < 4; ++column) values.push_back(matrix[row][column].item<double>());
    rows.push_back(values);
  }
  return rows;
}

torch::Tensor matrix_from(const json& rows) {
  torch::Tensor matrix = torch::empty({4, 4}, torch::kFloat64);
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 4; ++column)
      matrix[row][column] =
          rows.at(static_cast<std::size_t>(row)).at(static_cast<std::size_t>(column)).get<double>();
  return matrix;
}

json to_json(const SimulatedSequence& sequence) {
  return {{"slot", id(sequence.slot)},
          {"tr_ms", sequence.tr_ms},
          {"te_ms", sequence.te_ms},
          {"ti_ms", sequence.ti_ms},
          {"flip_deg", sequence.flip_deg},
          {"echo_train_length", sequence.echo_train_length},
          {"patient_motion", to_json(sequence.patient_motion)}};
}

SimulatedSequence sequence_from(const json& values, const std::filesystem::path& folder) {
  const auto text = values.at("slot").get<std::string>();
  const auto slot = slot_from_id(text);
  if (!slot)
    throw Error(Error::Kind::bad_input,
                (folder / "study.json").string() + ": there is no slot '" + text + "'");
  SimulatedSequence sequence;
  sequence.slot = *slot;
  sequence.image = read_nifti(folder / (text + ".nii.gz"));
  sequence.patient_motion = matrix_from(values.at("patient_motion"));
  values.at("tr_ms").get_to(sequence.tr_ms);
  values.at("te_ms").get_to(sequence.te_ms);
  values.at("ti_ms").get_to(sequence.ti_ms);
  values.at("flip_deg").get_to(sequence.flip_deg);
  values.at("echo_train_length").get_to(sequence.echo_train_length);
  return sequence;
}

json to_json(const SimulatedLesion& lesion) {
  return {{"number", lesion.number},
          {"centroid_lps_mm", lesion.centroid_lps_mm},
          {"diameter_mm", lesion.diameter_mm},
          {"volume_mm3", lesion.volume_mm3}};
}

SimulatedLesion lesion_from(const json& values) {
  SimulatedLesion lesion;
  values.at("number").get_to(lesion.number);
  values.at("centroid_lps_mm").get_to(lesion.centroid_lps_mm);
  values.at("diameter_mm").get_to(lesion.diameter_mm);
  values.at("volume_mm3").get_to(lesion.volume_mm3);
  return lesion;
}

}  // namespace

std::filesystem::path write_study_nifti(const SimulatedStudy& study, const std::filesystem::path& directory) {
  const std::filesystem::path folder = directory / study.name;
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(Error::Kind::io, folder.string() + ": cannot be made: " + failure.message());
  json description = {{"name", study.name}, {"simulated", true}};
  description["sequences"] = json::array();
  description["lesions"] = json::array();
  for (const SimulatedSequence& sequence : study.sequences) {
    write_nifti(sequence.image, folder / (std::string(id(sequence.slot)) + ".nii.gz"));
    description["sequences"].push_back(to_json(sequence));
  }
  for (const SimulatedLesion& lesion : study.lesions) description["lesions"].push_back(to_json(lesion));
  write_nifti(study.truth, folder / "truth.nii.gz");
  std::ofstream file(folder / "study.json");
  file << description.dump(2) << '\n';
  if (!file.flush()) throw Error(Error::Kind::io, (folder / "study.json").string() + ": cannot be written");
  return folder;
}

SimulatedStudy read_study_nifti(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "study.json";
  std::ifstream file(path);
  if (!file) throw Error(Error::Kind::io, path.string() + ": cannot be read");
  SimulatedStudy study;
  try {
    const json description = json::parse(file);
    description.at("name").get_to(study.name);
    for (const json& values : description.at("sequences"))
      study.sequences.push_back(sequence_from(values, folder));
    for (const json& values : description.at("lesions")) study.lesions.push_back(lesion_from(values));
  } catch (const json::exception& error) {
    throw Error(Error::Kind::bad_input, path.string() + ": " + error.what());
  }
  if (study.sequences.empty()) throw Error(Error::Kind::bad_input, path.string() + ": names no sequence");
  study.truth = read_nifti_labels(folder / "truth.nii.gz");
  if (!same_grid(study.truth, study.sequences.front().image))
    throw Error(Error::Kind::bad_input,
                (folder / "truth.nii.gz").string() + ": does not lie where the first sequence lies");
  return study;
}

}  // namespace metserve::models
