#include "models/detection_threshold.h"

#include <cmath>

#include <torch/torch.h>

#include "models/error.h"
#include "models/metrics.h"

namespace metserve::models {

DetectionThreshold::DetectionThreshold(double minimum_volume_mm3) : minimum_volume_mm3_(minimum_volume_mm3) {
  constexpr double lowest = -2, highest = 8, step = 0.5;  // log-odds: 0.12 to 0.9997
  for (double log_odds = lowest; log_odds <= highest; log_odds += step)
    ladder_.push_back({1 / (1 + std::exp(-log_odds)), 0, 0});
}

void DetectionThreshold::add(const torch::Tensor& probability, const Study& study) {
  lesions_ += static_cast<int>(list_lesions({study}).size());
  for (Counts& counts : ladder_) {
    const Detections detections = detect(probability.ge(counts.threshold), study, minimum_volume_mm3_);
    counts.found += static_cast<int>(detections.found.size());
    counts.false_positives += detections.false_positives;
  }
}

double DetectionThreshold::best() const {
  if (lesions_ == 0)
    throw Error(Error::Kind::bad_input,
                "there is no lesion to choose a threshold by: add studies with lesions");
  double best_f1 = -1, best_threshold = 0.5;
  for (const Counts& counts : ladder_) {
    const double f1 = 2.0 * counts.found / (counts.found + lesions_ + counts.false_positives);
    if (f1 < best_f1) continue;
    best_f1 = f1;
    best_threshold = counts.threshold;
  }
  return best_threshold;
}

}  // namespace metserve::models
