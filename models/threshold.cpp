#include "models/threshold.h"

#include <torch/types.h>

#include "models/error.h"
#include "models/log_odds.h"

namespace metserve::models {
namespace {

// Bins are equally wide in log-odds: networks trained on many lesions put the threshold close to 1, other
// programs' maps may have all of a lesion close to 0.
constexpr std::int64_t bins = 2800;
constexpr double lowest = -35, highest = 35, bins_per_unit = bins / (highest - lowest);

double threshold_of(std::int64_t bin) {
  return probability_at(lowest + static_cast<double>(bin) / bins_per_unit);
}

std::vector<double> bin_counts(const torch::Tensor& log_odds) {
  const torch::Tensor bin =
      log_odds.sub(lowest).mul(bins_per_unit).floor().clamp(0, bins - 1).to(torch::kInt64);
  const torch::Tensor counts = torch::bincount(bin.flatten(), {}, bins).to(torch::kFloat64).contiguous();
  return {counts.data_ptr<double>(), counts.data_ptr<double>() + bins};
}

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

double sum_from(const std::vector<double>& counts, std::int64_t bin) {
  double sum = 0;
  for (auto i = static_cast<std::size_t>(bin); i < counts.size(); ++i) sum += counts[i];
  return sum;
}

}  // namespace

ThresholdCurve::ThresholdCurve() : positives_(bins, 0), negatives_(bins, 0) {}

void ThresholdCurve::add(const torch::Tensor& log_odds, const torch::Tensor& truth) {
  ThresholdCurve voxels;
  voxels.positives_ = bin_counts(log_odds.masked_select(truth));
  voxels.negatives_ = bin_counts(log_odds.masked_select(truth.logical_not()));
  add(voxels);
}

void ThresholdCurve::add(const ThresholdCurve& other) {
  for (std::size_t i = 0; i < bins; ++i) {
    positives_[i] += other.positives_[i];
    negatives_[i] += other.negatives_[i];
  }
}

ThresholdCurve::Point ThresholdCurve::point(std::int64_t bin) const {
  const double hits = sum_from(positives_, bin), false_hits = sum_from(negatives_, bin);
  const double truth = sum_from(positives_, 0);
  return {threshold_of(bin), ratio(2 * hits, hits + false_hits + truth), ratio(hits, hits + false_hits),
          ratio(hits, truth)};
}

ThresholdCurve::Point ThresholdCurve::best() const {
  Point best = point(1);
  for (std::int64_t bin = 2; bin < bins; ++bin)
    if (const Point candidate = point(bin); candidate.dice > best.dice) best = candidate;
  return best;
}

ThresholdCurve::Point ThresholdCurve::youden() const {
  const double truth = sum_from(positives_, 0), rest = sum_from(negatives_, 0);
  std::int64_t best = 1;
  double best_index = -1;
  for (std::int64_t bin = 1; bin < bins; ++bin) {
    const double youden_index =
        ratio(sum_from(positives_, bin), truth) - ratio(sum_from(negatives_, bin), rest);
    if (youden_index <= best_index) continue;
    best_index = youden_index;
    best = bin;
  }
  return point(best);
}

std::vector<double> ThresholdCurve::true_positive_rates(
    const std::vector<double>& false_positive_rates) const {
  const double truth = sum_from(positives_, 0), rest = sum_from(negatives_, 0);
  std::vector<double> rates;
  for (double wanted : false_positive_rates) {
    double hits = 0, false_hits = 0, rate = 1;
    for (std::size_t i = bins; i-- > 0;) {
      if (false_hits + negatives_[i] >= wanted * rest && negatives_[i] > 0) {
        rate = ratio(hits + positives_[i] * (wanted * rest - false_hits) / negatives_[i], truth);
        break;
      }
      hits += positives_[i];
      false_hits += negatives_[i];
    }
    rates.push_back(rate);
  }
  return rates;
}

double ThresholdCurve::auc() const {
  const double truth = sum_from(positives_, 0), rest = sum_from(negatives_, 0);
  if (truth == 0 || rest == 0) return 0.5;
  double area = 0, negatives_below = 0;
  for (std::size_t i = 0; i < bins; ++i) {
    area += positives_[i] * (negatives_below + negatives_[i] / 2);
    negatives_below += negatives_[i];
  }
  return area / (truth * rest);
}

}  // namespace metserve::models
