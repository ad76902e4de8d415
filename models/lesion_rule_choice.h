#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "models/lesion_rule.h"
#include "models/study.h"

namespace metserve::models {

/// Chooses threshold, peak and roundness of lesions by what a reader has of them: the share of the lesions
/// that is found, and the mean voxel Dice of the studies, less a tenth for every false positive a study. A
/// component of which less than a tenth is of the truth finds nothing and is a false positive: a threshold at
/// which all of the brain is one would find every lesion. Thresholds and roundnesses are of a ladder, peaks
/// between any two components.
class LesionRuleChoice {
 public:
  /// `minimum_volume_mm3` of a component, >= 0.
  explicit LesionRuleChoice(double minimum_volume_mm3);

  /// `log_odds`: [D, H, W] float32 on the study's grid.
  void add(const torch::Tensor& log_odds, const Study& study);
  /// Everything that was added to `other`, another choice, too.
  void add(const LesionRuleChoice& other);

  std::size_t lesions() const { return lesions_; }

  /// At most `false_positives` in the mean of everything added; `roundness`, 0..1, where it is chosen
  /// already. Nothing where even the highest peak gives more, or there is no component. Throws
  /// Error(bad_input) when nothing was added.
  std::optional<LesionRule> with_false_positives(double false_positives,
                                                 std::optional<double> roundness = {}) const;

 private:
  std::size_t studies() const { return truth_voxels_.size(); }

  struct Component {
    float peak = -std::numeric_limits<float>::infinity();  ///< log-odds
    double roundness = 0;
    std::size_t study = 0;  ///< in the order in which they were added
    double voxels = 0;
    double hits = 0;                   ///< voxels of the truth
    bool counts = false;               ///< has the minimum volume
    std::vector<std::size_t> lesions;  ///< that it finds, numbered through all studies
  };
  struct Rung {
    double threshold = 0;  ///< log-odds
    std::vector<Component> components;
  };
  struct Outcome {
    double threshold = 0, peak = 0;  ///< log-odds
    double roundness = 0;
    double worth = 0;  ///< share found + mean Dice - price of the false positives
  };
  class Tally;
  std::vector<Component> components_of(const torch::Tensor& log_odds, const Study& study,
                                       double threshold) const;
  std::optional<Outcome> best_peak(const Rung& rung, double roundness, double false_positives) const;

  double minimum_volume_mm3_;
  std::vector<double> truth_voxels_;  ///< of every study
  std::size_t lesions_ = 0;           ///< numbers given out
  std::vector<Rung> rungs_;
};

}  // namespace metserve::models
