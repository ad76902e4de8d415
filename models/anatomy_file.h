#pragma once

#include <filesystem>
#include <vector>

#include "models/simulator.h"

namespace metserve::models {

/// A label map as a safetensors file: `labels` int16 [D, H, W] in Anatomy's axis order, metadata `name` and
/// `spacing_mm`. For machines without ITK; where ITK is, NIfTI label maps can be read as well.
Anatomy read_anatomy_tensors(const std::filesystem::path& file);
void write_anatomy_tensors(const Anatomy& anatomy, const std::filesystem::path& file);

/// All `*.safetensors` of a directory in name order. Throws Error(bad_input) when there are none.
std::vector<Anatomy> read_anatomies(const std::filesystem::path& directory);

}  // namespace metserve::models
