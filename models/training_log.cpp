#include "models/training_log.h"

#include <string>
#include <vector>

#include "models/error.h"
#include "models/training.h"

namespace metserve::models {
namespace {

std::vector<std::string> rows_until(const std::filesystem::path& file, int step) {
  std::vector<std::string> rows;
  std::ifstream stream(file);
  std::string row;
  std::getline(stream, row);  // the heading
  while (std::getline(stream, row)) {
    char* end = nullptr;
    const long at = std::strtol(row.c_str(), &end, 10);
    if (end == row.c_str() || *end != ',' || at > step) break;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

TrainingLog::TrainingLog(const std::filesystem::path& file, int step) {
  const std::vector<std::string> kept = step > 0 ? rows_until(file, step) : std::vector<std::string>{};
  stream_.open(file, std::ios::trunc);
  stream_ << "step,loss,learning_rate,seconds_per_step,score,best_score\n";
  for (const std::string& row : kept) stream_ << row << '\n';
  if (!stream_.flush()) throw Error(Error::Kind::io, file.string() + ": cannot be written");
}

void TrainingLog::add(const TrainingProgress& progress) {
  stream_ << progress.step << ',' << progress.loss << ',' << progress.learning_rate << ','
          << progress.seconds_per_step << ',';
  if (progress.score) stream_ << *progress.score;
  stream_ << ',' << progress.best_score << '\n' << std::flush;
}

}  // namespace metserve::models
