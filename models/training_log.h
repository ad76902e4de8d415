#pragma once

#include <filesystem>
#include <fstream>

namespace metserve::models {

struct TrainingProgress;

/// `training.csv`: step, loss, learning_rate, seconds_per_step, score (empty where not validated),
/// best_score.
class TrainingLog {
 public:
  /// Keeps the rows of an earlier run up to `step` and drops the later ones, which will be made again.
  /// Throws Error(io).
  TrainingLog(const std::filesystem::path& file, int step);
  void add(const TrainingProgress& progress);

 private:
  std::ofstream stream_;
};

}  // namespace metserve::models
