#include "models/data/brats.h"

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "models/data/nifti.h"
#include "models/error.h"

namespace metserve::models {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> endings{"t1c", "t1n", "t2f"};

/// The files whose names end with `-ending.nii.gz`, in name order; hidden ones are none (macOS's `._NAME`).
std::vector<fs::path> images_in(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with("-" + ending + ".nii.gz") && !name.starts_with(".")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The one such file, if there is any.
std::optional<fs::path> image_in(const fs::path& folder, const std::string& ending) {
  const std::vector<fs::path> files = images_in(folder, ending);
  if (files.empty()) return std::nullopt;
  if (files.size() > 1)
    throw Error(Error::Kind::bad_input, files[0].string() + ": " + files[1].filename().string() +
                                            " beside it ends likewise: leave one of them there");
  return files.front();
}

SpatialImage read_truth(const fs::path& file) {
  constexpr int core = 1, enhancing = 3, largest = 4;
  SpatialImage truth = read_nifti_labels(file);
  if (truth.voxels.lt(0).any().item<bool>() || truth.voxels.gt(largest).any().item<bool>())
    throw Error(Error::Kind::bad_input, file.string() + ": has labels other than 0 to 4");
  truth.voxels = truth.voxels.eq(core).logical_or(truth.voxels.eq(enhancing)).to(torch::kInt16);
  return truth;
}

/// "BraTS-MET-00086-001" is a time point of "BraTS-MET-00086".
std::string patient_of(const std::string& study) {
  static const std::regex time_point("(.*-[0-9]+)-[0-9]+");
  std::smatch parts;
  return std::regex_match(study, parts, time_point) ? parts[1].str() : "";
}

}  // namespace

bool is_brats(const fs::path& folder) {
  return !images_in(folder, "seg").empty() &&
         std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return !images_in(folder, ending).empty(); });
}

AnnotatedStudy read_brats(const fs::path& folder, Slot t1c) {
  AnnotatedStudy study{folder.filename().string(), {}, read_truth(image_in(folder, "seg").value())};
  study.patient = patient_of(study.name);
  const std::array<Slot, endings.size()> slots{t1c, Slot::t1_se_pre, Slot::flair};
  for (std::size_t i = 0; i < endings.size(); ++i) {
    const std::optional<fs::path> file = image_in(folder, endings[i]);
    if (!file) continue;
    SpatialImage image = read_nifti(*file);
    if (!same_grid(image, study.truth))
      throw Error(Error::Kind::bad_input,
                  file->string() +
                      ": does not lie where its annotation lies (slices, rows, columns and the "
                      "header's position must be the same)");
    study.sequences.emplace(slots[i], std::move(image));
  }
  return study;
}

}  // namespace metserve::models
