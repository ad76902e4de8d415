#pragma once

#include <span>

#include "dicom/volume.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// `source` on `grid` in one linear interpolation; `grid_to_source` maps grid LPS mm to source LPS mm.
/// Beyond half a voxel outside the source the value is 0. Along axes where the source is finer than the grid
/// by 1.5 or more it is averaged over boxes about as wide as the grid's voxel first, so that nothing is
/// aliased.
dicom::Volume resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
                       const RigidTransform& grid_to_source);

/// The same, written to `voxels`: [slices, rows, columns] of `grid`, `grid.voxel_count()` of them.
void resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
              const RigidTransform& grid_to_source, std::span<float> voxels);

}  // namespace metserve::pipeline
