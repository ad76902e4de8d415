#include "models/data/brainmetshare.h"

#include <algorithm>
#include <array>

#include <torch/types.h>

#include "models/data/png_slices.h"
#include "models/error.h"

namespace metserve::models {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, slot_count> sequence_folders{"0", "1", "2", "3"};  // in channel order

SpatialImage image_of(torch::Tensor voxels) {
  const torch::Tensor spacing_mm = torch::tensor({0.94, 0.94, 1.0, 1.0}, torch::kFloat64);
  return {std::move(voxels), torch::diag(spacing_mm)};
}

}  // namespace

bool is_brainmetshare(const fs::path& folder) {
  const bool has_sequence = std::any_of(sequence_folders.begin(), sequence_folders.end(),
                                        [&](const char* name) { return fs::is_directory(folder / name); });
  return has_sequence && fs::is_directory(folder / "seg");
}

AnnotatedStudy read_brainmetshare(const fs::path& folder) {
  AnnotatedStudy study{folder.filename().string(), {}, image_of(read_png_slices(folder / "seg"))};
  for (Slot slot : all_slots) {
    const fs::path own = folder / sequence_folders[index(slot)];
    if (!fs::exists(own)) continue;
    SpatialImage image = image_of(read_png_slices(own));
    if (image.voxels.sizes() != study.truth.voxels.sizes())
      throw Error(
          Error::Kind::bad_input,
          own.string() + ": does not have as many slices, rows and columns as " + (folder / "seg").string());
    study.sequences.emplace(slot, std::move(image));
  }
  return study;
}

}  // namespace metserve::models
