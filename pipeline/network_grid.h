#pragma once

#include "dicom/volume.h"
#include "models/model_package.h"

namespace metserve::pipeline {

struct NetworkGridOptions {
  double depth_mm = 180;       ///< how far below the vertex the grid reaches at most: brain, not neck
  double above_vertex_mm = 3;  ///< air above the vertex, >= 0
};

/// The axial grid that the network sees: 256 x 256 at the model's in-plane spacing, as many slices as cover
/// the reference's head from the vertex down, axes along patient LPS, centred on the head in plane. Voxel
/// centres coincide with the reference's where its axes and spacing allow it. Never reaches beyond the
/// reference's own slices. Throws Error(bad_input) when there is no head in `reference`.
dicom::VolumeGeometry network_grid(const dicom::Volume& reference, const models::Manifest& manifest,
                                   const NetworkGridOptions& options = {});

}  // namespace metserve::pipeline
