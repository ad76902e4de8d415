#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace metserve::models {

/// Counts of positive and negative voxels by probability, from which every threshold's figures follow.
class ThresholdCurve {
 public:
  ThresholdCurve();

  /// `log_odds`: float32, infinite ones too; `truth`: bool, same shape.
  void add(const torch::Tensor& log_odds, const torch::Tensor& truth);
  /// The voxels of another curve, too.
  void add(const ThresholdCurve& other);

  struct Point {
    double threshold = 0.5;  ///< a voxel is predicted when its probability is at least this
    double dice = 0;
    double precision = 0;
    double recall = 0;
  };
  /// The threshold with the highest voxel Dice; the lowest of several.
  Point best() const;
  /// The threshold with the highest recall minus false-positive rate (Youden 1950).
  Point youden() const;
  /// The share of positive voxels above the threshold that lets through each share of the negative ones,
  /// interpolated; both ends of the receiver operating characteristic are 0 and 1.
  std::vector<double> true_positive_rates(const std::vector<double>& false_positive_rates) const;
  /// Area under the receiver operating characteristic, ties counted half; 0.5 when a class is empty.
  double auc() const;

 private:
  Point point(std::int64_t bin) const;

  std::vector<double> positives_;  ///< by bin of equal width in log-odds
  std::vector<double> negatives_;
};

}  // namespace metserve::models
