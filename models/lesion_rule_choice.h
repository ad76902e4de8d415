#pragma once

#include <optional>
#include <vector>

#include <torch/types.h>

#include "models/lesion_rule.h"
#include "models/study.h"

namespace metserve::models {

/// Chooses threshold and peak of lesions by what their reader has to do with them: false positives to look
/// at. For every threshold of a ladder the lowest peak is taken that gives few enough; of these pairs the one
/// whose lesions agree best with the truth.
class LesionRuleChoice {
 public:
  /// `minimum_volume_mm3` of a component, >= 0.
  explicit LesionRuleChoice(double minimum_volume_mm3);

  /// `probability`: [D, H, W] float32 on the study's grid.
  void add(const torch::Tensor& probability, const Study& study);
  /// Everything that was added to `other`, too.
  void add(const LesionRuleChoice& other);

  /// At most `false_positives` in the mean of everything added. Throws Error(bad_input) when nothing was
  /// added, or when not even the highest peak of the ladder gives so few.
  LesionRule with_false_positives(double false_positives) const;
  /// The lowest peak with so few at one threshold of the ladder. Throws Error(bad_input) likewise.
  double peak_with_false_positives(double false_positives, double threshold) const;

 private:
  /// Components whose peak lies in one step of the ladder.
  struct Step {
    int false_positives = 0;  ///< of at least the minimum volume that touch no truth
    double voxels = 0;
    double hits = 0;  ///< voxels of the truth

    Step& operator+=(const Step& other);
  };
  struct Rung {
    double threshold = 0.5;
    std::vector<Step> by_peak;
  };
  struct Pair {
    double peak = 0;
    double dice = 0;
  };
  std::optional<Pair> lowest_peak(const Rung& rung, double false_positives) const;
  double minimum_volume_mm3_;
  int added_ = 0;
  double truth_voxels_ = 0;
  std::vector<Rung> rungs_;
};

}  // namespace metserve::models
