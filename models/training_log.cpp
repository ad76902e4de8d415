#include "models/training_log.h"

#include <string>
#include <vector>

#include "models/error.h"
#include "models/slots.h"
#include "models/text.h"
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

/// The file with its heading and the rows up to `step`, to be continued.
std::ofstream continued(const std::filesystem::path& file, const std::string& heading, int step) {
  const std::vector<std::string> kept = step > 0 ? rows_until(file, step) : std::vector<std::string>{};
  std::string text = heading + '\n';
  for (const std::string& row : kept) text += row + '\n';
  write_text(text, file);  // the log survives a kill here
  return {file, std::ios::app};
}

std::string saliency_heading(int slices) {
  std::string heading = "step";
  for (const Slot slot : all_slots)
    for (int slice = 0; slice < slices; ++slice)
      heading += "," + std::string(id(slot)) + formatted("%+d", slice - slices / 2);
  return heading;
}

}  // namespace

TrainingLog::TrainingLog(const std::filesystem::path& directory, int slices, int step)
    : training_(continued(directory / "training.csv",
                          "step,loss,learning_rate,seconds_per_step,score,best_score", step)),
      saliency_(continued(directory / "saliency.csv", saliency_heading(slices), step)) {}

void TrainingLog::add(const TrainingProgress& progress, const torch::Tensor& saliency) {
  training_ << progress.step << ',' << progress.loss << ',' << progress.learning_rate << ','
            << progress.seconds_per_step << ',';
  if (progress.score) training_ << *progress.score;
  training_ << ',' << progress.best_score << '\n' << std::flush;
  saliency_ << progress.step;
  for (std::int64_t i = 0; i < saliency.size(0); ++i) saliency_ << ',' << saliency[i].item<double>();
  saliency_ << '\n' << std::flush;
}

}  // namespace metserve::models
