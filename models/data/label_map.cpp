#include "models/data/label_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <torch/types.h>

#include "models/data/nifti.h"
#include "models/directory.h"
#include "models/error.h"

namespace metserve::models {
namespace {

std::string stem(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return name.substr(0, name.rfind(".nii"));
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(Error::Kind::bad_input, file.string() + ": " + what);
}

}  // namespace

Anatomy read_anatomy(const std::filesystem::path& file) {
  const SpatialImage image = read_nifti_labels(file);
  const torch::Tensor axes = image.index_to_lps_mm.narrow(0, 0, 3).narrow(1, 0, 3);
  const torch::Tensor lengths = axes.square().sum(0).sqrt();
  const double spacing_mm = lengths.mean().item<double>();
  if (lengths.sub(spacing_mm).abs().max().item<double>() > 0.01 * spacing_mm)
    refuse(file, "label map must have cubic voxels: resample it");
  // For each axis of the patient, the volume's axis that runs along it, and whether it runs backwards.
  std::array<std::int64_t, 3> order{};
  std::vector<std::int64_t> backwards;
  for (std::int64_t lps = 0; lps < 3; ++lps) {
    const std::int64_t axis = axes[lps].abs().argmax().item<std::int64_t>();
    const double along = axes[lps][axis].item<double>() / spacing_mm;
    if (std::abs(along) < 0.999) refuse(file, "label map is oblique: resample it along the patient's axes");
    order[static_cast<std::size_t>(2 - lps)] = 2 - axis;
    if (along < 0) backwards.push_back(2 - lps);
  }
  torch::Tensor labels = image.voxels.permute({order[0], order[1], order[2]});
  if (!backwards.empty()) labels = labels.flip(backwards);
  return {.name = stem(file), .labels = labels.contiguous(), .spacing_mm = spacing_mm};
}

bool holds_label_maps(const std::filesystem::path& directory) {
  const std::filesystem::directory_iterator entries(directory);
  return std::any_of(begin(entries), end(entries), [](const auto& entry) {
    const std::string name = entry.path().filename().string();
    return name.ends_with(".nii") || name.ends_with(".nii.gz");
  });
}

std::vector<Anatomy> read_label_maps(const std::filesystem::path& directory) {
  std::vector<Anatomy> anatomies;
  for (const auto& file : files_in(directory, {".nii", ".nii.gz"}, "label map"))
    anatomies.push_back(read_anatomy(file));
  return anatomies;
}

}  // namespace metserve::models
