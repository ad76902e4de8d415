#pragma once

#include <torch/types.h>

#include "dicom/volume.h"
#include "models/simulator.h"

namespace metserve::pipeline {

/// The same image as `models` and as `dicom` know it, in LPS mm; voxels are copied as they are.
dicom::Volume to_volume(const models::SpatialImage& image);

/// A copy of the voxels as [slices, rows, columns] float32.
torch::Tensor to_tensor(const dicom::Volume& volume);

}  // namespace metserve::pipeline
