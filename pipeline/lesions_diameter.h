#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "dicom/volume.h"

namespace metserve::pipeline {

/// The longest of all pairs of voxels in mm: the distance between their centres plus the length of a voxel in
/// that direction (of a voxel with itself, its longest edge). `voxels`: column, row, slice; not empty; in
/// rising order of slice, row, column.
double longest_diameter_mm(const std::vector<std::array<std::size_t, 3>>& voxels,
                           const dicom::Vec3& spacing_mm);

/// The same within one slice: the longest of all slices.
double longest_diameter_in_plane_mm(const std::vector<std::array<std::size_t, 3>>& voxels,
                                    const dicom::Vec3& spacing_mm);

}  // namespace metserve::pipeline
