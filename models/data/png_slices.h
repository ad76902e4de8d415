#pragma once

#include <filesystem>

#include <torch/types.h>

namespace metserve::models {

struct PngSlices {
  torch::Tensor voxels;  ///< [slices, rows, columns] float32, the stored values
  int first = 0;         ///< number of the first slice
};

/// A folder of grey PNG images named by their slice number (`000.png` or `0.png` on), as one volume. Throws
/// Error(io) when a file cannot be read, Error(bad_input) when a name is no number, a number is missing, or
/// an image has another size or colours.
PngSlices read_png_slices(const std::filesystem::path& folder);

}  // namespace metserve::models
