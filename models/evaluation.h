#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/inference.h"
#include "models/metrics.h"
#include "models/networks/network.h"
#include "models/slots.h"
#include "models/study.h"

namespace metserve::models {

struct EvaluationOptions {
  std::vector<SlotSet> subsets{SlotSet().set()};  ///< sequences that the network is given, one table row each
  double threshold = 0.5;                         ///< on the probability, 0..1
  double minimum_volume_mm3 = 10;                 ///< of a predicted component, >= 0
  double small_lesion_mm = 5;      ///< sensitivity is given for lesions at least this long, > 0
  std::string device = "cpu";      ///< "cpu", "cuda" or "cuda:N"
  std::string precision = "auto";  ///< auto, float32 or bfloat16
  int threads = 0;                 ///< of the CPU; 0: LibTorch's own choice
};

struct Spread {
  double mean = 0;
  double deviation = 0;  ///< standard deviation of the sample
  int count = 0;         ///< studies that have the figure
};

/// Found and all lesions of one range of longest diameters.
struct SizeBin {
  double from_mm = 0;
  double to_mm = 0;  ///< excluded; infinite in the last
  int found = 0;
  int lesions = 0;
};

/// What one subset of the sequences gives. Means are over studies, sensitivities over all lesions.
struct SubsetFigures {
  SlotSet subset;
  Spread dice, precision, recall, auc;
  Spread false_positives;           ///< per study, of at least the minimum volume
  Spread false_positives_any_size;  ///< per study
  double sensitivity = 0;           ///< share of all lesions found
  double sensitivity_large = 0;     ///< share of those of at least `small_lesion_mm`
  std::vector<SizeBin> by_size;
  double best_threshold = 0.5;  ///< that maximises the Dice of all studies' voxels together
  double best_threshold_dice = 0;
  double youden_threshold = 0.5;  ///< of all studies' voxels together
  std::vector<StudyFigures> studies;
};

/// All sequences, and all but each one.
std::vector<SlotSet> full_and_one_missing();
/// The fifteen non-empty subsets.
std::vector<SlotSet> all_subsets();

/// Predicts every study with every subset and scores it. `on_study` is called with the share done, 0..1.
/// Throws Error(bad_input) on options out of range.
std::vector<SubsetFigures> evaluate(const Network& network, const std::vector<Study>& studies,
                                    const EvaluationOptions& options,
                                    const std::function<void(double)>& on_study);

/// "all four", "without BRAVO", ... or "CUBE post + FLAIR".
std::string describe(SlotSet subset);

/// Stable JSON: an array with one object per subset.
std::string to_json(const std::vector<SubsetFigures>& figures);

/// A Markdown table, one row per subset.
std::string to_table(const std::vector<SubsetFigures>& figures);

}  // namespace metserve::models
