#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dicom/results.h"
#include "dicom/volume.h"

namespace metserve::pipeline {

/// Outlines of each lesion in the planes of the volume's own slices: holes filled, lone voxels kept, points
/// between voxel centres (iso-contours of the mask), so that rasterising the polygon at voxel centres gives
/// the filled mask back. At most 1000 points a contour. `labels`: [slices, rows, columns].
/// Returns one vector per lesion number 1..lesion_count.
std::vector<std::vector<dicom::Contour>> lesion_contours(const dicom::VolumeGeometry& geometry,
                                                         std::span<const std::uint16_t> labels,
                                                         std::size_t lesion_count);

}  // namespace metserve::pipeline
