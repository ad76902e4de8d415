#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "models/lesion_rule.h"
#include "models/study.h"

namespace metserve::models {

/// Chooses threshold, peak and roundness of lesions by what their reader has to do with them: false positives
/// to look at. For every threshold and roundness of a ladder the lowest peak is taken that gives few enough.
/// Of these each roundness keeps the threshold with the highest mean voxel Dice of the studies; and of these
/// the one that finds the most lesions is taken, of those alike the one with the higher Dice.
class LesionRuleChoice {
 public:
  /// `minimum_volume_mm3` of a component, >= 0.
  explicit LesionRuleChoice(double minimum_volume_mm3);

  /// `log_odds`: [D, H, W] float32 on the study's grid.
  void add(const torch::Tensor& log_odds, const Study& study);
  /// Everything that was added to `other`, another choice, too.
  void add(const LesionRuleChoice& other);

  std::size_t lesions() const { return lesions_; }

  /// At most `false_positives` in the mean of everything added. Throws Error(bad_input) when nothing was
  /// added, or when even the highest peak gives more.
  LesionRule with_false_positives(double false_positives) const;

 private:
  std::size_t studies() const { return truth_voxels_.size(); }

  struct Component {
    float peak = -std::numeric_limits<float>::infinity();  ///< log-odds
    double roundness = 0;
    std::size_t study = 0;  ///< in the order in which they were added
    double voxels = 0;
    double hits = 0;                   ///< voxels of the truth
    bool counts = false;               ///< has the minimum volume
    std::vector<std::size_t> lesions;  ///< that it touches, numbered through all studies
  };
  struct Rung {
    double threshold = 0;  ///< log-odds
    std::vector<Component> components;
  };
  struct Outcome {
    double threshold = 0, peak = 0;  ///< log-odds
    double roundness = 0;
    double dice = 0;        ///< mean over studies
    std::size_t found = 0;  ///< lesions
  };
  std::vector<Component> components_of(const torch::Tensor& log_odds, const Study& study,
                                       double threshold) const;
  std::optional<Outcome> with_lowest_peak(const Rung& rung, double roundness, double false_positives) const;
  std::optional<Outcome> best_outline(double roundness, double false_positives) const;

  double minimum_volume_mm3_;
  std::vector<double> truth_voxels_;  ///< of every study
  std::size_t lesions_ = 0;           ///< numbers given out
  std::vector<Rung> rungs_;
};

}  // namespace metserve::models
