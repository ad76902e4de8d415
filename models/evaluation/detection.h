#pragma once

#include <optional>
#include <vector>

#include <torch/types.h>

#include "models/study.h"

namespace metserve::models {

/// One predicted lesion of a study: a 26-connected component of the map at a low threshold.
struct Detection {
  double probability = 0;      ///< mean over its voxels
  bool true_positive = false;  ///< the first, by probability, whose centre lies on its lesion
  double dice = 0;             ///< of the component and its lesion, for a true positive
};

/// What one study adds to the precision-recall curve of Yi 2019.
struct LesionPredictions {
  std::vector<Detection> predictions;  ///< by falling probability
  int lesions = 0;                     ///< in the truth
};

struct DetectionOptions {
  double threshold = 0.10;   ///< on the probability of a voxel, 0..1
  double distance_mm = 1.0;  ///< from the centre of mass to the nearest annotated voxel's centre, >= 0
};

/// Finds predicted lesions and says which are true (Yi 2019): a component is a true positive when its centre
/// of mass (each voxel counts the same) is within `distance_mm` of a voxel of the truth; a further one on a
/// lesion that is already found is false. `probability`: [D, H, W] float32 on the study's grid.
LesionPredictions detect_lesions(const torch::Tensor& probability, const Study& study,
                                 const DetectionOptions& options = {});

/// Precision and recall over the lesions of all studies; without lesions there is none of it.
struct DetectionFigures {
  std::optional<double> average_precision;  ///< area under the curve, in steps, equal probabilities together
  std::optional<double> maximum_sensitivity;  ///< when every prediction counts
  std::optional<double> true_positive_dice;   ///< mean over the true positives then
  struct Point {
    double recall = 0;
    double precision = 0;
  };
  std::vector<Point> curve;  ///< by falling probability
};

/// `times`: how often each study counts, as bootstrap draws them; empty: once each.
DetectionFigures detection_figures(const std::vector<LesionPredictions>& studies,
                                   const std::vector<int>& times = {});

}  // namespace metserve::models
