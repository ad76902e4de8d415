#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "models/evaluation/detection.h"
#include "models/lesion_rule.h"
#include "models/study.h"

namespace metserve::models {

struct LesionOutcome {
  double diameter_mm = 0;  ///< longest 3D diameter
  double volume_mm3 = 0;
  bool found = false;  ///< a predicted component of at least the minimum volume shares a voxel with it
};

/// What a mask finds of a study's lesions.
struct Detections {
  struct Found {
    double shared = 0;      ///< voxels in common with the lesion
    double components = 0;  ///< all voxels of the components that touch it
  };
  std::map<int, Found>
      found;  ///< by number, the lesions that a component of at least the minimum volume touches
  int false_positives = 0;  ///< components of at least the minimum volume that touch no truth
  int false_positives_any_size = 0;
  int false_positives_product = 0;  ///< as Groevik 2021 counts: objects of the mask less objects of the mask
                                    ///< times the truth
};

/// `predicted`: [D, H, W] bool on the study's grid; its 26-connected components are what is counted.
Detections detect(const torch::Tensor& predicted, const Study& study, double minimum_volume_mm3);

/// One study against its truth. Figures are of what the rule accepts, as it would be segmented in service;
/// those "of any size" of smaller components too (Groevik 2021 gives both, with 10 mm3).
struct StudyFigures {
  std::string study;
  std::string patient;              ///< of Study
  SlotSet sequences;                ///< that the study has, of those asked for
  std::optional<double> dice;       ///< absent when truth and prediction are both empty
  std::optional<double> precision;  ///< absent when nothing is predicted
  std::optional<double> recall;     ///< absent when there is no lesion
  std::optional<double> auc;        ///< of the voxels inside the head; absent when there is no lesion
  int false_positives = 0;          ///< components of at least the minimum volume that touch no truth
  int false_positives_any_size = 0;
  int false_positives_product = 0;          ///< see Detections
  std::optional<double> detected_dice;      ///< mean over the lesions found, of each with what touches it
  double lesion_wise_dice = 1;              ///< of the BraTS-METS challenge
  std::optional<double> youden_threshold;   ///< of this study's voxels inside the head
  std::vector<double> true_positive_rates;  ///< at `false_positive_grid`; empty when there is no lesion
  LesionPredictions predictions;            ///< of Yi 2019, independent of the threshold
  std::vector<LesionOutcome> lesions;       ///< by number
};

/// The shares of negative voxels, 0..1, at which receiver operating characteristics are averaged; dense near
/// 0, where the curves rise.
const std::vector<double>& false_positive_grid();

/// [D, H, W] bool: where an image of the study shows anything, and in its lesions.
torch::Tensor inside_head(const Study& study);

/// `log_odds`: [D, H, W] float32 on the study's grid.
StudyFigures score_study(const torch::Tensor& log_odds, const Study& study, const LesionRule& rule);

}  // namespace metserve::models
