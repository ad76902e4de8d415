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
/// Of these each roundness keeps the threshold with the highest voxel Dice, of all studies together; and of
/// these the one that finds the most lesions is taken.
class LesionRuleChoice {
 public:
  /// `minimum_volume_mm3` of a component, >= 0.
  explicit LesionRuleChoice(double minimum_volume_mm3);

  /// `log_odds`: [D, H, W] float32 on the study's grid.
  void add(const torch::Tensor& log_odds, const Study& study);
  /// Everything that was added to `other`, too.
  void add(const LesionRuleChoice& other);

  int studies() const { return studies_; }

  /// At most `false_positives` in the mean of everything added. Throws Error(bad_input) when nothing was
  /// added, or when even the highest peak gives more.
  LesionRule with_false_positives(double false_positives) const;
  /// The lowest peak with so few at one threshold of the ladder and `rule`'s roundness. Throws
  /// Error(bad_input) likewise.
  double peak_with_false_positives(double false_positives, const LesionRule& rule) const;

 private:
  struct Component {
    float peak = -std::numeric_limits<float>::infinity();  ///< log-odds
    double roundness = 0;
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
    double peak = 0;  ///< log-odds
    double dice = 0;
    std::size_t found = 0;  ///< lesions
  };
  struct Choice {
    double threshold = 0;  ///< log-odds
    Outcome outcome;
  };
  std::vector<Component> components_of(const torch::Tensor& log_odds, const Study& study,
                                       double threshold) const;
  std::optional<Outcome> with_lowest_peak(const Rung& rung, double roundness, double false_positives) const;
  std::optional<Choice> best_outline(double roundness, double false_positives) const;

  double minimum_volume_mm3_;
  int studies_ = 0;
  double truth_voxels_ = 0;
  std::size_t lesions_ = 0;  ///< numbers given out
  std::vector<Rung> rungs_;
};

}  // namespace metserve::models
