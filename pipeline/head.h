#pragma once

#include "dicom/volume.h"

namespace metserve::pipeline {

/// Where the head lies in a volume, roughly (to a voxel of `coarse`), LPS mm.
struct Head {
  float threshold = 0;            ///< intensity above which a voxel counts as tissue
  double vertex_z_lps_mm = 0;     ///< top of the head
  double lowest_z_lps_mm = 0;     ///< lowest tissue, or the end of the volume
  dicom::Vec3 centroid_lps_mm{};  ///< of tissue no further than the neck cut below the vertex
  dicom::Vec3 middle_lps_mm{};    ///< midway between the 1st and 99th percentile of tissue along each axis
};

/// Finds the head by intensity alone: tissue is what exceeds a quarter of the mean of the brighter voxels,
/// the vertex the highest level with 5 cm2 of it. `coarse`: a volume of about 4 mm, so that noise is averaged
/// out. Throws Error(bad_input) when there is no such level.
Head find_head(const dicom::Volume& coarse, double neck_cut_mm);

}  // namespace metserve::pipeline
