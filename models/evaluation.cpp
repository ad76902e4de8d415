#include "models/evaluation.h"

#include <algorithm>
#include <span>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "models/device.h"
#include "models/error.h"
#include "models/precision.h"
#include "models/threshold.h"

namespace metserve::models {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Error::Kind::bad_input, "evaluation: " + what);
}

void check(const std::vector<Study>& studies, const EvaluationOptions& options) {
  if (studies.empty()) refuse("there are no studies");
  if (options.subsets.empty()) refuse("there are no subsets");
}

LesionRule checked_rule(const EvaluationOptions& options, SlotSet given) {
  const LesionRule rule = options.rule_of ? options.rule_of(given) : options.rule;
  if (!(rule.threshold > 0 && rule.threshold < 1)) refuse("the threshold must be between 0 and 1");
  if (!(rule.minimum_peak >= 0 && rule.minimum_peak <= 1)) refuse("the minimum peak must be from 0 to 1");
  if (!(rule.minimum_roundness >= 0 && rule.minimum_roundness <= 1))
    refuse("the minimum roundness must be from 0 to 1");
  if (!(rule.minimum_volume_mm3 >= 0)) refuse("minimum_volume_mm3 must not be negative");
  return rule;
}

/// What is kept of one study's map.
struct Scored {
  torch::Tensor log_odds{};  ///< undefined where the predictor gave none
  StudyFigures figures{};
  ThresholdCurve curve{}, curve_in_head{};
};

Scored scored(const Study& study, SlotSet given, const Predictor& predictor,
              const EvaluationOptions& options) {
  Scored result{predictor(study, given)};
  if (!result.log_odds.defined()) return result;
  const torch::Tensor truth = study.truth.ne(0), head = inside_head(study);
  result.curve.add(result.log_odds, truth);
  result.curve_in_head.add(result.log_odds.masked_select(head), truth.masked_select(head));
  result.figures = score_study(result.log_odds, study, checked_rule(options, given));
  result.figures.sequences = given;
  return result;
}

/// As many studies as there are threads, side by side on one thread each: the small convolutions of one study
/// leave several threads waiting for each other.
std::vector<Scored> score_side_by_side(std::span<const Study> studies, SlotSet subset,
                                       const Predictor& predictor, const EvaluationOptions& options) {
  std::vector<Scored> results(studies.size());
  at::parallel_for(0, static_cast<std::int64_t>(studies.size()), 1, [&](std::int64_t from, std::int64_t to) {
    for (auto i = static_cast<std::size_t>(from); i < static_cast<std::size_t>(to); ++i)
      results[i] = scored(studies[i], studies[i].present & subset, predictor, options);
  });
  return results;
}

}  // namespace

SubsetFigures evaluate_predictions(const std::vector<Study>& studies, SlotSet subset,
                                   const Predictor& predictor, const EvaluationOptions& options,
                                   const std::function<void()>& on_study) {
  check(studies, options);
  SubsetFigures figures;
  figures.subset = subset;
  figures.rule = checked_rule(options, subset);
  ThresholdCurve curve, curve_in_head;
  const auto threads = static_cast<std::size_t>(at::get_num_threads());
  for (std::size_t first = 0; first < studies.size(); first += threads) {
    const std::span batch = std::span(studies).subspan(first, std::min(threads, studies.size() - first));
    const std::vector<Scored> results = score_side_by_side(batch, subset, predictor, options);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (results[i].log_odds.defined()) {
        curve.add(results[i].curve);
        curve_in_head.add(results[i].curve_in_head);
        figures.studies.push_back(results[i].figures);
        if (options.on_prediction) options.on_prediction(batch[i], subset, results[i].log_odds);
      }
      if (on_study) on_study();
    }
  }
  summarise(figures);
  if (figures.sensitivity.value) {  // there are lesions
    figures.best_threshold = curve.best().threshold;
    figures.best_threshold_dice = curve.best().dice;
    figures.youden_threshold = curve_in_head.youden().threshold;
  }
  return figures;
}

std::vector<SubsetFigures> evaluate(const Network& network, const std::vector<Study>& studies,
                                    const EvaluationOptions& options,
                                    const std::function<void(double)>& on_study) {
  check(studies, options);
  if (options.threads > 0) at::set_num_threads(options.threads);
  InferenceOptions inference;
  inference.device = device_from_name(options.device);
  inference.precision = precision_from_name(options.precision, inference.device);
  inference.mirrored_from = options.mirrored_from;
  network->to(inference.device);
  network->eval();
  const auto predictor_of = [&](SlotSet subset) {
    return [&, used = subset & network->config().subset](const Study& study, SlotSet present) {
      const SlotSet seen = present & used;
      if (seen.none() || (options.whole_subsets && seen != used)) return torch::Tensor();
      return predict(network, study.images, seen, inference);
    };
  };
  const double total = static_cast<double>(options.subsets.size() * studies.size());
  double done = 0;
  std::vector<SubsetFigures> result;
  for (SlotSet subset : options.subsets)
    result.push_back(evaluate_predictions(studies, subset, predictor_of(subset), options, [&] {
      if (on_study) on_study(++done / total);
    }));
  return result;
}

}  // namespace metserve::models
