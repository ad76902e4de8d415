#include "models/evaluation.h"

#include <array>
#include <cmath>
#include <limits>

#include <torch/torch.h>

#include "models/error.h"
#include "models/precision.h"
#include "models/threshold.h"

namespace metserve::models {
namespace {

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  spread.count = static_cast<int>(values.size());
  if (values.empty()) return spread;
  for (double value : values) spread.mean += value / spread.count;
  double squares = 0;
  for (double value : values) squares += (value - spread.mean) * (value - spread.mean);
  if (spread.count > 1) spread.deviation = std::sqrt(squares / (spread.count - 1));
  return spread;
}

Spread spread_of(const std::vector<StudyFigures>& studies, std::optional<double> StudyFigures::*member) {
  std::vector<double> values;
  for (const StudyFigures& study : studies)
    if (study.*member) values.push_back(*(study.*member));
  return spread_of(values);
}

Spread spread_of(const std::vector<StudyFigures>& studies, int StudyFigures::*member) {
  std::vector<double> values;
  for (const StudyFigures& study : studies) values.push_back(study.*member);
  return spread_of(values);
}

void summarise_lesions(SubsetFigures& figures, double small_lesion_mm) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  figures.by_size = {{0, 3}, {3, 5}, {5, 10}, {10, 20}, {20, infinite}};
  SizeBin all, large;
  const auto add = [](SizeBin& bin, const LesionOutcome& lesion) {
    ++bin.lesions;
    bin.found += lesion.found ? 1 : 0;
  };
  for (const StudyFigures& study : figures.studies)
    for (const LesionOutcome& lesion : study.lesions) {
      add(all, lesion);
      if (lesion.diameter_mm >= small_lesion_mm) add(large, lesion);
      for (SizeBin& bin : figures.by_size)
        if (lesion.diameter_mm >= bin.from_mm && lesion.diameter_mm < bin.to_mm) add(bin, lesion);
    }
  const auto share = [](const SizeBin& bin) {
    return bin.lesions > 0 ? static_cast<double>(bin.found) / bin.lesions : 0.0;
  };
  figures.sensitivity = share(all);
  figures.sensitivity_large = share(large);
}

void summarise(SubsetFigures& figures, const ThresholdCurve& curve, const EvaluationOptions& options) {
  figures.dice = spread_of(figures.studies, &StudyFigures::dice);
  figures.precision = spread_of(figures.studies, &StudyFigures::precision);
  figures.recall = spread_of(figures.studies, &StudyFigures::recall);
  figures.auc = spread_of(figures.studies, &StudyFigures::auc);
  figures.false_positives = spread_of(figures.studies, &StudyFigures::false_positives);
  figures.false_positives_any_size = spread_of(figures.studies, &StudyFigures::false_positives_any_size);
  summarise_lesions(figures, options.small_lesion_mm);
  figures.best_threshold = curve.best().threshold;
  figures.best_threshold_dice = curve.best().dice;
  figures.youden_threshold = curve.youden().threshold;
}

void check(const std::vector<Study>& studies, const EvaluationOptions& options) {
  const auto refuse = [](const std::string& what) {
    throw Error(Error::Kind::bad_input, "evaluation: " + what);
  };
  if (studies.empty()) refuse("there are no studies");
  if (options.subsets.empty()) refuse("there are no subsets");
  if (!(options.threshold > 0 && options.threshold < 1)) refuse("the threshold must be between 0 and 1");
  if (!(options.minimum_volume_mm3 >= 0)) refuse("minimum_volume_mm3 must not be negative");
}

}  // namespace

std::vector<SlotSet> full_and_one_missing() {
  std::vector<SlotSet> subsets{SlotSet().set()};
  for (Slot slot : all_slots) subsets.push_back(SlotSet().set().reset(index(slot)));
  return subsets;
}

std::vector<SlotSet> all_subsets() {
  std::vector<SlotSet> subsets;
  for (unsigned long bits = (1UL << slot_count) - 1; bits > 0; --bits) subsets.emplace_back(bits);
  return subsets;
}

std::vector<SubsetFigures> evaluate(const Network& network, const std::vector<Study>& studies,
                                    const EvaluationOptions& options,
                                    const std::function<void(double)>& on_study) {
  check(studies, options);
  if (options.threads > 0) at::set_num_threads(options.threads);
  InferenceOptions inference;
  inference.device = torch::Device(options.device);
  inference.precision = precision_from_name(options.precision, inference.device);
  network->to(inference.device);
  const double total = static_cast<double>(options.subsets.size() * studies.size());
  double done = 0;
  std::vector<SubsetFigures> result;
  for (SlotSet subset : options.subsets) {
    SubsetFigures figures;
    figures.subset = subset;
    ThresholdCurve curve;
    for (const Study& study : studies) {
      if ((study.present & subset).any()) {
        const torch::Tensor probability = predict(network, study.images, study.present & subset, inference);
        curve.add(probability, study.truth.ne(0));
        figures.studies.push_back(
            score_study(probability, study, options.threshold, options.minimum_volume_mm3));
      }
      if (on_study) on_study(++done / total);
    }
    summarise(figures, curve, options);
    result.push_back(std::move(figures));
  }
  return result;
}

}  // namespace metserve::models
