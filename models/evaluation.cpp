#include "models/evaluation.h"

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

}  // namespace

SubsetFigures evaluate_predictions(const std::vector<Study>& studies, SlotSet subset,
                                   const Predictor& predictor, const EvaluationOptions& options,
                                   const std::function<void()>& on_study) {
  check(studies, options);
  SubsetFigures figures;
  figures.subset = subset;
  figures.rule = checked_rule(options, subset);
  ThresholdCurve curve, curve_in_head;
  for (const Study& study : studies) {
    const SlotSet given = study.present & subset;
    const torch::Tensor log_odds = predictor(study, given);
    if (log_odds.defined()) {
      const torch::Tensor truth = study.truth.ne(0), head = inside_head(study);
      curve.add(log_odds, truth);
      curve_in_head.add(log_odds.masked_select(head), truth.masked_select(head));
      figures.studies.push_back(score_study(log_odds, study, checked_rule(options, given)));
      figures.studies.back().sequences = given;
      if (options.on_prediction) options.on_prediction(study, subset, log_odds);
    }
    if (on_study) on_study();
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
