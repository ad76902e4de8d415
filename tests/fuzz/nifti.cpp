// Research data: `models::read_nifti`. The first byte says how: compressed or not, read as which type.

#include "models/data/nifti.h"

#include <torch/types.h>

#include "models/error.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  if (size < 1) return 0;
  const auto file = scratch.write((data[0] & 1) != 0 ? "image.nii.gz" : "image.nii", {data + 1, size - 1});
  try {
    const auto image = (data[0] & 2) != 0 ? models::read_nifti_labels(file) : models::read_nifti(file);
    fuzz::require(image.voxels.dim() == 3 && image.index_to_lps_mm.numel() == 16);
  } catch (const models::Error&) {
  }
  return 0;
}
