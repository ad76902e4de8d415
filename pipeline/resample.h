#pragma once

#include <span>

#include "dicom/volume.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// `source` on `grid` by linear interpolation; `grid_to_source` maps grid LPS mm to source LPS mm. A voxel of
/// the grid that is 1.5 or more source voxels long is the mean of points spread evenly over it, so that
/// nothing is aliased: along each of its axes as many as source voxels, those of them that lie in the source.
/// Any other voxel is the value at its centre. What lies beyond half a voxel outside the source is 0.
dicom::Volume resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
                       const RigidTransform& grid_to_source);

/// The same, written to `voxels`: [slices, rows, columns] of `grid`, `grid.voxel_count()` of them.
void resample(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
              const RigidTransform& grid_to_source, std::span<float> voxels);

}  // namespace metserve::pipeline
