#pragma once

#include "dicom/volume.h"
#include "models/model_package.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// The axial grid that the network sees: 256 x 256 at the model's in-plane spacing, as many slices as cover
/// the reference's head, axes along patient LPS, centred on the head in plane.
dicom::VolumeGeometry network_grid(const dicom::Volume& reference, const models::Manifest& manifest);

/// `source` on `grid` in one linear interpolation; `grid_to_source` maps grid LPS mm to source LPS mm.
/// Outside the source the value is 0. When the source is coarser than the grid or finer by less than 1.5,
/// plain linear; a finer source is averaged over the grid's voxel first.
dicom::Volume resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
                       const RigidTransform& grid_to_source);

}  // namespace metserve::pipeline
