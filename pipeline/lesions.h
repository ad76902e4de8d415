#pragma once

#include <cstdint>
#include <vector>

#include "dicom/volume.h"

namespace metserve::pipeline {

struct Lesion {
  int number = 0;  ///< 1..N, by falling volume
  double volume_mm3 = 0;
  double longest_diameter_mm = 0;           ///< 3D, between outermost voxel centres plus one voxel
  dicom::Vec3 centroid_lps_mm{};            ///< unweighted mean of voxel centres
  double mean_probability = 0;              ///< 0..1
  double max_probability = 0;               ///< 0..1
  double longest_diameter_in_plane_mm = 0;  ///< likewise, the longest within one slice
};

struct LesionOptions {
  double threshold = 0.5;          ///< on the probability, 0..1; a voxel at the threshold belongs to a lesion
  double minimum_volume_mm3 = 10;  ///< smaller components are dropped
};

struct LesionMap {
  std::vector<std::uint16_t> labels;  ///< [slices, rows, columns], 0 or lesion number
  std::vector<Lesion> lesions;
};

/// 26-connected components (ITK) of `probability` >= threshold.
LesionMap find_lesions(const dicom::Volume& probability, const LesionOptions& options);

}  // namespace metserve::pipeline
