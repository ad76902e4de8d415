#pragma once

#include <filesystem>
#include <vector>

#include "models/simulator.h"

namespace metserve::models {

/// A NIfTI label map (`.nii`, `.nii.gz`) of FreeSurfer codes, in any orientation along the patient's axes and
/// of any isotropic spacing, turned into Anatomy's axis order. The name is the file's.
/// Throws Error(io) when it cannot be read, Error(bad_input) when it is oblique or its voxels are no cubes.
Anatomy read_anatomy(const std::filesystem::path& file);

/// Whether there are `*.nii` or `*.nii.gz` right in the directory, where data sets of studies have folders.
bool holds_label_maps(const std::filesystem::path& directory);

/// All `*.nii` and `*.nii.gz` of a directory in name order. Throws Error(bad_input) when there are none.
std::vector<Anatomy> read_label_maps(const std::filesystem::path& directory);

}  // namespace metserve::models
