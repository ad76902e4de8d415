#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/evaluation/bootstrap.h"
#include "models/evaluation/detection.h"
#include "models/inference.h"
#include "models/lesion_rule.h"
#include "models/metrics.h"
#include "models/networks/network.h"
#include "models/slots.h"
#include "models/study.h"

namespace metserve::models {

/// Lesions of at least this longest diameter are the "large" ones of the tables.
inline constexpr double large_lesion_mm = 5;

struct EvaluationOptions {
  std::vector<SlotSet> subsets{SlotSet().set()};  ///< sequences that the network is given, one table row each
  LesionRule rule;                                ///< what of a probability map is predicted
  std::function<LesionRule(SlotSet)> rule_of;     ///< the same by the sequences that a study gives, instead;
                                                  ///< called for several studies side by side
  bool whole_subsets = false;  ///< leaves out studies that lack a sequence of the subset that the network
                               ///< uses; else they are scored with those that they have
  std::optional<double> mirrored_from;  ///< see InferenceOptions
  std::string device = "cpu";           ///< "cpu", "cuda" or "cuda:N"
  std::string precision = "auto";       ///< auto, float32 or bfloat16
  int threads = 0;                      ///< of the CPU; 0: LibTorch's own choice
  /// Called with each map of log-odds, [D, H, W] float32 on the study's grid, for pictures; one at a time,
  /// in the order of the studies, on any thread.
  std::function<void(const Study&, SlotSet, const torch::Tensor&)> on_prediction;
};

struct Spread {
  double mean = 0;
  double deviation = 0;              ///< standard deviation of the sample
  int count = 0;                     ///< studies that have the figure
  std::optional<Interval> interval;  ///< 95 % of the mean, by bootstrap over patients
};

/// Absent where no study has the figure.
std::optional<double> mean_of(const Spread& spread);

/// A figure of all studies together with its 95 % interval by bootstrap over patients.
struct Pooled {
  std::optional<double> value;  ///< absent without lesions
  std::optional<Interval> interval;
};

/// Found and all lesions of one range of longest diameters.
struct SizeBin {
  double from_mm = 0;
  double to_mm = 0;  ///< excluded; infinite in the last
  int found = 0;
  int lesions = 0;
  Pooled sensitivity{};
};

/// The studies with so many lesions (Groevik 2020 and 2021: 1 to 3, 4 to 10, more).
struct LesionCountGroup {
  int from = 0;
  int to = 0;  ///< included
  Spread dice, auc, false_positives;
  Pooled sensitivity;
};

/// The mean receiver operating characteristic over studies at one share of negative voxels let through.
struct RocPoint {
  double false_positive_rate = 0;
  double mean = 0;  ///< true positive rate
  Interval interval;
};

/// What one subset of the sequences gives. Means are over studies, sensitivities over all lesions.
struct SubsetFigures {
  SlotSet subset;
  LesionRule rule;  ///< of studies that have all of the subset
  Spread dice, precision, recall, auc;
  Spread false_positives;           ///< per study, of at least the minimum volume
  Spread false_positives_any_size;  ///< per study
  Spread false_positives_product;   ///< per study, as Groevik 2021 counts
  Spread detected_dice;             ///< of the lesions found, mean per study
  Spread lesion_wise_dice;          ///< of BraTS-METS
  Pooled sensitivity;               ///< share of all lesions found
  Pooled sensitivity_large;         ///< share of those of at least `large_lesion_mm`
  std::vector<SizeBin> by_size;
  std::vector<LesionCountGroup> groups;
  std::vector<RocPoint> roc;
  DetectionFigures detection;  ///< of Yi 2019
  std::optional<Interval> average_precision_interval, maximum_sensitivity_interval,
      true_positive_dice_interval;
  std::optional<double> best_threshold;  ///< that maximises the Dice of all studies' voxels together; these
                                         ///< three are absent without lesions
  std::optional<double> best_threshold_dice;
  std::optional<double> youden_threshold;  ///< of all studies' voxels inside the head together
  Spread youden_threshold_by_study;        ///< of each study's voxels inside the head
  std::vector<StudyFigures> studies;
};

/// Gives a study's log-odds [D, H, W] float32 from the sequences of the set; undefined when it cannot. Called
/// for several studies side by side.
using Predictor = std::function<torch::Tensor(const Study&, SlotSet)>;

/// Scores maps, whoever made them. `on_study` is called after each study, one at a time, on any thread.
/// Throws Error(bad_input) on options out of range or a map that is not on its study's grid.
SubsetFigures evaluate_predictions(const std::vector<Study>& studies, SlotSet subset,
                                   const Predictor& predictor, const EvaluationOptions& options,
                                   const std::function<void()>& on_study = {});

/// Predicts every study with every subset and scores it. `on_study` is called with the share done, 0..1.
/// Throws Error(bad_input) on options out of range.
std::vector<SubsetFigures> evaluate(const Network& network, const std::vector<Study>& studies,
                                    const EvaluationOptions& options,
                                    const std::function<void(double)>& on_study);

/// Fills all but subset, rule and thresholds from `figures.studies`.
void summarise(SubsetFigures& figures);

/// "all four", "without BRAVO", ... or "CUBE post + FLAIR".
std::string describe(SlotSet subset);

/// How many studies the figures are of: "20", or "20 (12 whole)" where others lack sequences of the subset.
std::string count_studies(const SubsetFigures& figures);

/// Stable JSON: an array with one object per subset.
std::string to_json(const std::vector<SubsetFigures>& figures);

/// A Markdown table, one row per subset.
std::string to_table(const std::vector<SubsetFigures>& figures);

}  // namespace metserve::models
