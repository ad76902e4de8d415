#pragma once

#include <array>
#include <cstddef>

#include "dicom/volume.h"

namespace metserve::pipeline {

/// How many voxels (column, row, slice) make a box of about `edge_mm`: rounded, at least 1.
std::array<std::size_t, 3> box_of(const dicom::VolumeGeometry& geometry, double edge_mm);

/// Mean over boxes of `box` voxels (column, row, slice), the cheapest low-pass that a coarser grid needs. The
/// last box of an axis averages what is left of it. Same frame; spacing grows by `box`, the origin moves to
/// the centre of the first box.
dicom::Volume box_average(const dicom::Volume& source, const std::array<std::size_t, 3>& box);

}  // namespace metserve::pipeline
