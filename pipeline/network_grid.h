#pragma once

#include <array>
#include <cstddef>

#include "dicom/volume.h"

namespace metserve::pipeline {

inline constexpr std::size_t network_edge = 256;  ///< columns and rows of the network's grid

struct NetworkGridOptions {
  double depth_mm = 180;       ///< how far below the vertex the grid reaches at most: brain, not neck
  double above_vertex_mm = 3;  ///< air above the vertex, >= 0
};

/// The axial grid that the network sees: 256 x 256 at the model's spacing, as many slices as cover
/// the reference's head from the vertex down, axes along patient LPS, centred on the head in plane. Voxel
/// centres coincide with the reference's where its axes and spacing allow it. Never reaches beyond the
/// reference's own slices. `spacing_mm`: column, row, slice. Throws Error(bad_input) when there is no head in
/// `reference`.
dicom::VolumeGeometry network_grid(const dicom::Volume& reference, const std::array<double, 3>& spacing_mm,
                                   const NetworkGridOptions& options = {});

}  // namespace metserve::pipeline
