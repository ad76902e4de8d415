#pragma once

#include <vector>

#include <torch/types.h>

#include "models/study.h"

namespace metserve::models {

/// Chooses a threshold by what its reader has to do with the result: false positives to look at, counted at
/// every threshold of a ladder. The voxel Dice is no guide, because it hardly changes while small false
/// positives come and go.
class DetectionThreshold {
 public:
  /// `minimum_volume_mm3` of a component, >= 0.
  explicit DetectionThreshold(double minimum_volume_mm3);

  /// `probability`: [D, H, W] float32 on the study's grid.
  void add(const torch::Tensor& probability, const Study& study);

  /// The lowest threshold that gives at most `false_positives` in the mean of everything added: the point of
  /// the free-response characteristic that a reader can live with. The highest of all where none does. Throws
  /// Error(bad_input) when nothing was added.
  double at_false_positives(double false_positives) const;

 private:
  struct Counts {
    double threshold = 0.5;
    int false_positives = 0;
  };
  double minimum_volume_mm3_;
  int added_ = 0;
  std::vector<Counts> ladder_;
};

}  // namespace metserve::models
