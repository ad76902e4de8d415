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

SpatialImage image_of(const PngSlices& slices) {
  const torch::Tensor spacing_mm = torch::tensor({0.94, 0.94, 1.0, 1.0}, torch::kFloat64);
  return {slices.voxels, torch::diag(spacing_mm)};
}

/// Masks are black with one other value.
PngSlices read_mask(const fs::path& folder) {
  PngSlices mask = read_png_slices(folder);
  const torch::Tensor lesion = mask.voxels.gt(0);
  if (!mask.voxels.equal(lesion * mask.voxels.max()))
    throw Error(Error::Kind::bad_input,
                folder.string() + ": has grey values: a mask is black with one other value");
  return mask;
}

}  // namespace

bool is_brainmetshare(const fs::path& folder) {
  const bool has_sequence = std::any_of(sequence_folders.begin(), sequence_folders.end(),
                                        [&](const char* name) { return fs::is_directory(folder / name); });
  return has_sequence && fs::is_directory(folder / "seg");
}

AnnotatedStudy read_brainmetshare(const fs::path& folder) {
  const PngSlices mask = read_mask(folder / "seg");
  AnnotatedStudy study{folder.filename().string(), {}, image_of(mask)};
  study.patient = study.name;  // one study each
  for (Slot slot : all_slots) {
    const fs::path own = folder / sequence_folders[index(slot)];
    if (!fs::exists(own)) continue;
    const PngSlices slices = read_png_slices(own);
    if (slices.first != mask.first || slices.voxels.sizes() != mask.voxels.sizes())
      throw Error(Error::Kind::bad_input, own.string() + ": does not have the slices, rows and columns of " +
                                              (folder / "seg").string());
    study.sequences.emplace(slot, image_of(slices));
  }
  return study;
}

}  // namespace metserve::models
