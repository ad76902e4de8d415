#pragma once

#include <filesystem>

#include <torch/types.h>

#include "models/simulator.h"

namespace metserve::models {

/// A three-dimensional NIfTI file as it is stored: voxels [slices, rows, columns] float32 (other stored types
/// are converted), index_to_lps_mm from the header (NIfTI is RAS, this is LPS).
/// Throws Error(io) when the file cannot be read, Error(bad_input) when it is not a volume, or claims to be
/// one that a file of its size cannot hold; at most 1024 x 1024 x 512 voxels.
SpatialImage read_nifti(const std::filesystem::path& file);

/// A file of labels likewise, int16. Throws Error(bad_input) as well when a voxel is no whole number or
/// beyond int16.
SpatialImage read_nifti_labels(const std::filesystem::path& file);

/// Whether both have as many slices, rows and columns, and their corners lie within 0.1 mm of each other.
bool same_grid(const SpatialImage& a, const SpatialImage& b);

/// Writes [slices, rows, columns] of any type as int16, rounded; `.nii.gz` is compressed. The matrix must be
/// a rotation times a scaling. Throws Error(io).
void write_nifti(const SpatialImage& image, const std::filesystem::path& file);

}  // namespace metserve::models
