#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dicom/volume.h"

namespace metserve::pipeline {

/// One true lesion, and the lesion found for it.
struct ScoredLesion {
  int number = 0;
  double diameter_mm = 0, volume_mm3 = 0;
  std::optional<int> found;  ///< number of the lesion found
  double found_volume_mm3 = 0;
  double distance_mm = 0;  ///< between the centroids
};

struct LesionScore {
  std::vector<ScoredLesion> lesions;
  std::vector<int> false_positives;  ///< numbers of lesions found that belong to no true one
};

/// A simulated study's `truth.json` against the `lesions.json` made from it. A true lesion is found when the
/// nearest lesion found that no other true one took has its centroid within the true radius, 3 mm at least.
/// Throws dicom::Error(bad_input) for a file that is not what it should be, Error(io) when it cannot be read.
LesionScore score_lesions(const std::filesystem::path& truth_json, const std::filesystem::path& lesions_json);

/// For people: a line per true lesion, then the sum.
std::string to_table(const LesionScore& score);

}  // namespace metserve::pipeline
