#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "models/evaluation.h"

namespace metserve::models {
namespace {

using Studies = std::vector<StudyFigures>;

/// The mean over those studies that have the figure, each counted as often as it was drawn.
std::optional<double> mean_of(const std::vector<std::optional<double>>& values,
                              const std::vector<int>& times) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i]) {
      sum += times[i] * *values[i];
      count += times[i];
    }
  if (count == 0) return std::nullopt;
  return sum / count;
}

/// By bootstrap over patients: studies of one are not independent. `figure` is given how often each study
/// was drawn.
template <typename Figure>
std::optional<Interval> interval_of(const Studies& studies, const Figure& figure) {
  std::map<std::string, std::size_t> numbers;
  std::vector<std::size_t> patients;
  for (std::size_t i = 0; i < studies.size(); ++i) {
    const std::string own = studies[i].patient.empty() ? "study " + std::to_string(i) : studies[i].patient;
    patients.push_back(numbers.try_emplace(own, numbers.size()).first->second);
  }
  return bootstrap(numbers.size(), [&](const std::vector<int>& drawn) -> std::optional<double> {
    std::vector<int> times;
    for (const std::size_t patient : patients) times.push_back(drawn[patient]);
    return figure(times);
  });
}

/// `get` returns a number or an optional one.
template <typename Get>
Spread spread_over(const Studies& studies, Get get) {
  std::vector<std::optional<double>> values;
  for (const StudyFigures& study : studies) values.push_back(get(study));
  Spread spread;
  double sum = 0, squares = 0;
  for (const auto& value : values)
    if (value) {
      sum += *value;
      ++spread.count;
    }
  if (spread.count == 0) return spread;
  spread.mean = sum / spread.count;
  for (const auto& value : values)
    if (value) squares += (*value - spread.mean) * (*value - spread.mean);
  if (spread.count > 1) spread.deviation = std::sqrt(squares / (spread.count - 1));
  spread.interval =
      interval_of(studies, [&values](const std::vector<int>& times) { return mean_of(values, times); });
  return spread;
}

struct Share {
  double found = 0, lesions = 0;
};

constexpr double no_limit_mm = std::numeric_limits<double>::infinity();

/// Found among all lesions that are at least so long, and less than so long.
Pooled sensitivity_of(const Studies& studies, double from_mm, double to_mm = no_limit_mm) {
  std::vector<Share> shares;
  for (const StudyFigures& study : studies) {
    Share& share = shares.emplace_back();
    for (const LesionOutcome& lesion : study.lesions)
      if (lesion.diameter_mm >= from_mm && lesion.diameter_mm < to_mm) {
        share.lesions += 1;
        share.found += lesion.found ? 1 : 0;
      }
  }
  const auto ratio = [&shares](const std::vector<int>& times) -> std::optional<double> {
    Share sum;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      sum.found += times[i] * shares[i].found;
      sum.lesions += times[i] * shares[i].lesions;
    }
    if (sum.lesions == 0) return std::nullopt;
    return sum.found / sum.lesions;
  };
  return {ratio(std::vector<int>(shares.size(), 1)), interval_of(studies, ratio)};
}

std::vector<SizeBin> by_size(const Studies& studies) {
  std::vector<SizeBin> bins{{0, 3}, {3, 5}, {5, 10}, {10, 20}, {20, no_limit_mm}};
  for (const StudyFigures& study : studies)
    for (const LesionOutcome& lesion : study.lesions)
      for (SizeBin& bin : bins)
        if (lesion.diameter_mm >= bin.from_mm && lesion.diameter_mm < bin.to_mm) {
          ++bin.lesions;
          bin.found += lesion.found ? 1 : 0;
        }
  for (SizeBin& bin : bins) bin.sensitivity = sensitivity_of(studies, bin.from_mm, bin.to_mm);
  return bins;
}

LesionCountGroup group_of(const Studies& all, int from, int to) {
  Studies studies;
  for (const StudyFigures& study : all) {
    const auto lesions = static_cast<int>(study.lesions.size());
    if (lesions >= from && lesions <= to) studies.push_back(study);
  }
  return {from,
          to,
          spread_over(studies, [](const StudyFigures& s) { return s.dice; }),
          spread_over(studies, [](const StudyFigures& s) { return s.auc; }),
          spread_over(studies, [](const StudyFigures& s) { return double(s.false_positives); }),
          sensitivity_of(studies, 0)};
}

std::vector<RocPoint> roc_of(const Studies& studies) {
  std::vector<RocPoint> roc;
  const std::vector<double>& grid = false_positive_grid();
  for (std::size_t i = 0; i < grid.size(); ++i) {
    const Spread rate = spread_over(studies, [i](const StudyFigures& s) {
      return s.true_positive_rates.empty() ? std::nullopt : std::optional(s.true_positive_rates[i]);
    });
    roc.push_back({grid[i], rate.mean, rate.interval.value_or(Interval{})});
  }
  return roc;
}

void summarise_detection(SubsetFigures& figures) {
  std::vector<LesionPredictions> predictions;
  for (const StudyFigures& study : figures.studies) predictions.push_back(study.predictions);
  figures.detection = detection_figures(predictions);
  const auto interval = [&](auto get) {
    return interval_of(figures.studies, [&](const std::vector<int>& times) {
      return get(detection_figures(predictions, times));
    });
  };
  figures.average_precision_interval =
      interval([](const DetectionFigures& f) { return f.average_precision; });
  figures.maximum_sensitivity_interval =
      interval([](const DetectionFigures& f) { return f.maximum_sensitivity; });
  figures.true_positive_dice_interval =
      interval([](const DetectionFigures& f) { return f.true_positive_dice; });
}

}  // namespace

std::optional<double> mean_of(const Spread& spread) {
  return spread.count == 0 ? std::nullopt : std::optional(spread.mean);
}

void summarise(SubsetFigures& figures) {
  const Studies& studies = figures.studies;
  figures.dice = spread_over(studies, [](const StudyFigures& s) { return s.dice; });
  figures.precision = spread_over(studies, [](const StudyFigures& s) { return s.precision; });
  figures.recall = spread_over(studies, [](const StudyFigures& s) { return s.recall; });
  figures.auc = spread_over(studies, [](const StudyFigures& s) { return s.auc; });
  figures.detected_dice = spread_over(studies, [](const StudyFigures& s) { return s.detected_dice; });
  figures.lesion_wise_dice = spread_over(studies, [](const StudyFigures& s) { return s.lesion_wise_dice; });
  figures.false_positives =
      spread_over(studies, [](const StudyFigures& s) { return double(s.false_positives); });
  figures.false_positives_any_size =
      spread_over(studies, [](const StudyFigures& s) { return double(s.false_positives_any_size); });
  figures.false_positives_product =
      spread_over(studies, [](const StudyFigures& s) { return double(s.false_positives_product); });
  figures.youden_threshold_by_study =
      spread_over(studies, [](const StudyFigures& s) { return s.youden_threshold; });
  figures.sensitivity = sensitivity_of(studies, 0);
  figures.sensitivity_large = sensitivity_of(studies, large_lesion_mm);
  figures.by_size = by_size(studies);
  constexpr int unlimited = std::numeric_limits<int>::max();
  figures.groups = {group_of(studies, 1, 3), group_of(studies, 4, 10), group_of(studies, 11, unlimited)};
  figures.roc = roc_of(studies);
  summarise_detection(figures);
}

}  // namespace metserve::models
