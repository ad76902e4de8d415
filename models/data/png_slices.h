#pragma once

#include <filesystem>

#include <torch/types.h>

namespace metserve::models {

/// A folder of grey PNG images named by their slice number (`000.png` or `0.png` on), as one volume [slices,
/// rows, columns] float32 of the stored values. Throws Error(io) when a file cannot be read, Error(bad_input)
/// when a name is no number, a number is missing, or an image has another size or colours.
torch::Tensor read_png_slices(const std::filesystem::path& folder);

}  // namespace metserve::models
