#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "dicom/volume.h"

namespace metserve::pipeline {

/// Whether rows run along patient x and columns along y, to the 1e-3 that readers allow an orientation.
bool is_axial(const dicom::VolumeGeometry& geometry);

/// The axial grid that holds all of `reference`: cubes of its finest spacing, 0.5 to 1 mm. Voxel centres
/// coincide with the reference's where its axes and spacing allow it.
dicom::VolumeGeometry axial_grid(const dicom::VolumeGeometry& reference);

/// Each voxel of `grid` with the label of the voxel of `reference` that it lies in, 0 outside. A lesion
/// smaller than the grid's voxel that would get none has the nearest one. `labels`: [slices, rows, columns].
std::vector<std::uint16_t> labels_on(const dicom::VolumeGeometry& grid,
                                     const dicom::VolumeGeometry& reference,
                                     std::span<const std::uint16_t> labels);

/// Removes what was written on an axial series into `directory` before.
void remove_axial_results(const std::filesystem::path& directory);

}  // namespace metserve::pipeline
