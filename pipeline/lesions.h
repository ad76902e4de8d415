#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dicom/results.h"
#include "dicom/volume.h"

namespace metserve::pipeline {

/// Lesion n of a map (from 0) has label n + 1. Its number is what it is called: by falling volume from 1, or,
/// where an earlier study was compared, what the lesion was called there.
struct Lesion {
  int number = 0;  ///< from 1, rising from lesion to lesion
  double volume_mm3 = 0;
  double longest_diameter_mm = 0;           ///< 3D, between voxel centres plus one voxel
  dicom::Vec3 centroid_lps_mm{};            ///< unweighted mean of voxel centres
  double mean_probability = 0;              ///< 0..1, see take_probabilities()
  double max_probability = 0;               ///< likewise
  double longest_diameter_in_plane_mm = 0;  ///< likewise, the longest within one slice
  std::string tracking_uid = {};            ///< of an earlier study's lesion; empty for others
  std::optional<dicom::LesionHistory> history = {};
};

struct LesionOptions {
  double threshold = 0.5;          ///< on the probability, 0..1; a voxel at the threshold belongs to a lesion
  double minimum_volume_mm3 = 10;  ///< smaller components are dropped
};

struct LesionMap {
  std::vector<std::uint16_t> labels;  ///< [slices, rows, columns], 0 or 1 + index into `lesions`
  std::vector<Lesion> lesions;
};

/// 26-connected components (ITK) of `probability` >= threshold. What they enclose within a slice, as the
/// necrotic core of a ring, belongs to them: volume, mask and contours are those of the whole lesion.
LesionMap find_lesions(const dicom::Volume& probability, const LesionOptions& options);

/// Mean and highest probability of each lesion, over its voxels. `probability`: as many as `map` has labels.
void take_probabilities(LesionMap& map, const std::vector<float>& probability);

}  // namespace metserve::pipeline
