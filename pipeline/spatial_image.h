#pragma once

#include "dicom/volume.h"
#include "models/simulator.h"

namespace metserve::pipeline {

/// The same image as `models` and as `dicom` know it, in LPS mm; voxels are copied as they are.
dicom::Volume to_volume(const models::SpatialImage& image);

}  // namespace metserve::pipeline
