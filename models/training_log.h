#pragma once

#include <filesystem>
#include <fstream>

#include <torch/types.h>

namespace metserve::models {

struct TrainingProgress;

/// `training.csv`: step, loss, learning_rate, seconds_per_step, score (empty where not validated),
/// best_score. `saliency.csv`: step, and |d loss / d input| for each sequence and slice (`flair-2` ..
/// `flair+2`), summed over the steps since the line before.
class TrainingLog {
 public:
  /// Keeps the rows of an earlier run up to `step` and drops the later ones, which will be made again.
  /// `slices`: that the network sees of each sequence. Throws Error(io).
  TrainingLog(const std::filesystem::path& directory, int slices, int step);

  /// `saliency`: [4 * slices] float64, CPU, sequence by sequence.
  void add(const TrainingProgress& progress, const torch::Tensor& saliency);

 private:
  std::ofstream training_, saliency_;
};

}  // namespace metserve::models
