#include "models/study.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "models/directory.h"
#include "models/error.h"
#include "models/safetensors.h"
#include "models/slot_list.h"

namespace metserve::models {
namespace {

constexpr const char* format_name = "metserve-study-1";

std::string describe(const ClaheOptions& clahe) {
  return nlohmann::json{{"tiles", clahe.tiles}, {"bins", clahe.bins}, {"clip_limit", clahe.clip_limit}}
      .dump();
}

}  // namespace

void write_study(const Study& study, const ClaheOptions& clahe, const std::filesystem::path& file) {
  Safetensors contents;
  contents.tensors = {{"images", study.images}, {"truth", study.truth}};
  contents.metadata = {{"format", format_name},
                       {"name", study.name},
                       {"clahe", describe(clahe)},
                       {"slots", nlohmann::json(ids(study.present)).dump()},
                       {"spacing_mm", nlohmann::json(study.spacing_mm).dump()}};
  if (study.simulated) contents.metadata["simulated"] = "true";
  if (!study.patient.empty()) contents.metadata["patient"] = study.patient;
  if (!study.origin.empty()) contents.metadata["origin"] = study.origin;
  write_safetensors(contents, file);
}

Study read_study(const std::filesystem::path& file, const ClaheOptions& clahe) {
  const Safetensors contents = read_safetensors(file);
  try {
    if (contents.meta("format") != format_name)
      throw Error(Error::Kind::bad_input,
                  "its format is '" + contents.meta("format") + "', not " + format_name);
    if (contents.meta("clahe") != describe(clahe))
      throw Error(Error::Kind::bad_input, "it was preprocessed with " + contents.meta("clahe") + ", but " +
                                              describe(clahe) + " is asked for: make the cache again");
    Study study;
    study.name = contents.meta("name");
    study.simulated = contents.metadata.contains("simulated");
    if (contents.metadata.contains("patient")) study.patient = contents.meta("patient");
    if (contents.metadata.contains("origin")) study.origin = contents.meta("origin");
    study.images = contents.get("images", torch::kUInt8, {static_cast<std::int64_t>(slot_count), -1, -1, -1});
    study.truth = contents.get("truth", torch::kInt16,
                               {study.images.size(1), study.images.size(2), study.images.size(3)});
    study.present = slots_from_ids(nlohmann::json::parse(contents.meta("slots")));
    study.spacing_mm = nlohmann::json::parse(contents.meta("spacing_mm")).get<std::array<double, 3>>();
    return study;
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  } catch (const nlohmann::json::exception&) {
    throw Error(Error::Kind::bad_input, file.string() + ": its metadata is not that of a study");
  }
}

std::vector<Study> read_studies(const std::filesystem::path& directory, const ClaheOptions& clahe) {
  const auto files = files_in(directory, {".safetensors"}, "study");
  std::vector<Study> studies;
  studies.reserve(files.size());
  for (const auto& file : files) studies.push_back(read_study(file, clahe));
  return studies;
}

Study make_study(const std::string& name, const std::array<torch::Tensor, slot_count>& volumes,
                 const torch::Tensor& truth, const ClaheOptions& clahe) {
  Study study;
  study.name = name;
  study.truth = truth.cpu().to(torch::kInt16).contiguous();
  study.present.reset();
  const std::int64_t slots = slot_count;
  study.images = torch::zeros({slots, truth.size(0), truth.size(1), truth.size(2)}, torch::kUInt8);
  for (Slot slot : all_slots) {
    const torch::Tensor& volume = volumes[index(slot)];
    if (!volume.defined()) continue;
    if (volume.sizes() != truth.sizes())
      throw Error(Error::Kind::bad_input,
                  name + ": " + std::string(id(slot)) + " is not on the grid of the truth");
    const torch::Tensor scaled = preprocess_sequence(volume.to(torch::kFloat32), clahe).mul_(255).round_();
    study.images[static_cast<std::int64_t>(index(slot))].copy_(scaled);
    study.present.set(index(slot), scaled.any().item<bool>());
  }
  if (study.present.none()) throw Error(Error::Kind::bad_input, name + ": no sequence shows anything");
  return study;
}

void require_origin(const std::filesystem::path& file, const ClaheOptions& clahe, const std::string& origin) {
  if (const std::string held = read_study(file, clahe).origin; held != origin)
    throw Error(Error::Kind::bad_input, file.string() + ": is there already, of " +
                                            (held.empty() ? "what it does not say" : held) + ", and " +
                                            origin + " is asked for: write to another directory");
}

bool has_lesion(const Study& study) {
  return study.truth.any().item<bool>();
}

void require_lesions(const std::vector<Study>& validation) {
  if (std::none_of(validation.begin(), validation.end(), has_lesion))
    throw Error(Error::Kind::bad_input, "no validation study has a lesion: validate on studies with lesions");
}

std::vector<Lesion> list_lesions(const std::vector<Study>& studies) {
  std::vector<Lesion> lesions;
  for (std::size_t s = 0; s < studies.size(); ++s) {
    std::map<int, Lesion> found;
    const torch::Tensor voxels = studies[s].truth.nonzero();  // [K, 3] int64
    const torch::Tensor numbers = studies[s].truth.masked_select(studies[s].truth.ne(0)).contiguous();
    const auto position = voxels.accessor<std::int64_t, 2>();
    const auto number = numbers.accessor<std::int16_t, 1>();
    for (std::int64_t i = 0; i < voxels.size(0); ++i) {
      const std::array<std::int64_t, 3> at{position[i][0], position[i][1], position[i][2]};
      Lesion& lesion = found.try_emplace(number[i], Lesion{s, number[i], 0, at, at}).first->second;
      ++lesion.voxels;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        lesion.first[axis] = std::min(lesion.first[axis], at[axis]);
        lesion.last[axis] = std::max(lesion.last[axis], at[axis]);
      }
    }
    for (const auto& [key, lesion] : found) lesions.push_back(lesion);
  }
  return lesions;
}

}  // namespace metserve::models
