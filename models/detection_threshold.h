#pragma once

#include <vector>

#include <torch/types.h>

#include "models/study.h"

namespace metserve::models {

/// Chooses a threshold by what its reader has to do with the result: lesions found against false positives
/// to look at, counted at every threshold of a ladder. The voxel Dice is no guide, because it hardly changes
/// while small false positives come and go.
class DetectionThreshold {
 public:
  /// `minimum_volume_mm3` of a component, >= 0.
  explicit DetectionThreshold(double minimum_volume_mm3);

  /// `probability`: [D, H, W] float32 on the study's grid.
  void add(const torch::Tensor& probability, const Study& study);

  /// The threshold with the highest F1 of the lesions of everything added, 2 found / (found + lesions + false
  /// positives); the highest of several. Throws Error(bad_input) when no lesion was added.
  double best() const;

 private:
  struct Counts {
    double threshold = 0.5;
    int found = 0;
    int false_positives = 0;
  };
  double minimum_volume_mm3_;
  int lesions_ = 0;
  std::vector<Counts> ladder_;
};

}  // namespace metserve::models
