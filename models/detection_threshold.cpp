#include "models/detection_threshold.h"

#include <cmath>

#include <torch/types.h>

#include "models/error.h"
#include "models/metrics.h"

namespace metserve::models {

DetectionThreshold::DetectionThreshold(double minimum_volume_mm3) : minimum_volume_mm3_(minimum_volume_mm3) {
  constexpr double lowest = -2, highest = 8, step = 0.25;  // log-odds: 0.12 to 0.9997
  for (double log_odds = lowest; log_odds <= highest; log_odds += step)
    ladder_.push_back({1 / (1 + std::exp(-log_odds)), 0});
}

void DetectionThreshold::add(const torch::Tensor& probability, const Study& study) {
  ++added_;
  for (Counts& counts : ladder_)
    counts.false_positives +=
        detect(probability.ge(counts.threshold), study, minimum_volume_mm3_).false_positives;
}

double DetectionThreshold::at_false_positives(double false_positives) const {
  if (added_ == 0) throw Error(Error::Kind::bad_input, "there is no study to choose a threshold on");
  for (const Counts& counts : ladder_)
    if (counts.false_positives <= false_positives * added_) return counts.threshold;
  return ladder_.back().threshold;
}

}  // namespace metserve::models
