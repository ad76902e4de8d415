#include "models/data/brats.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <torch/types.h>

#include "models/data/nifti.h"
#include "models/error.h"

namespace metserve::models {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> endings{"t1c", "t1n", "t2f"};

/// The file whose name ends with `-ending.nii.gz`.
std::optional<fs::path> image_in(const fs::path& folder, const std::string& ending) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().ends_with("-" + ending + ".nii.gz")) return entry.path();
  return std::nullopt;
}

SpatialImage read_truth(const fs::path& file) {
  constexpr int core = 1, enhancing = 3, largest = 4;
  SpatialImage truth = read_nifti_labels(file);
  if (truth.voxels.lt(0).any().item<bool>() || truth.voxels.gt(largest).any().item<bool>())
    throw Error(Error::Kind::bad_input, file.string() + ": has labels other than 0 to 4");
  truth.voxels = truth.voxels.eq(core).logical_or(truth.voxels.eq(enhancing)).to(torch::kInt16);
  return truth;
}

}  // namespace

bool is_brats(const fs::path& folder) {
  return image_in(folder, "seg") && std::any_of(endings.begin(), endings.end(), [&](const char* ending) {
           return image_in(folder, ending).has_value();
         });
}

AnnotatedStudy read_brats(const fs::path& folder, Slot t1c) {
  AnnotatedStudy study{folder.filename().string(), {}, read_truth(image_in(folder, "seg").value())};
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
