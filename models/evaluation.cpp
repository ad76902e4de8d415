#include "models/evaluation.h"

#include <mutex>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "models/device.h"
#include "models/error.h"
#include "models/precision.h"
#include "models/side_by_side.h"
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

}  // namespace

SubsetFigures evaluate_predictions(const std::vector<Study>& studies, SlotSet subset,
                                   const Predictor& predictor, const EvaluationOptions& options,
                                   const std::function<void()>& on_study) {
  check(studies, options);
  SubsetFigures figures;
  figures.subset = subset;
  figures.rule = checked_rule(options, subset);
  ThresholdCurve curve, curve_in_head;
  const auto take = [&](const Study& study, const Scored& result) {
    if (result.log_odds.defined()) {
      curve.add(result.curve);
      curve_in_head.add(result.curve_in_head);
      figures.studies.push_back(result.figures);
      if (options.on_prediction) options.on_prediction(study, subset, result.log_odds);
    }
    if (on_study) on_study();
  };
  std::mutex taking;
  std::vector<std::optional<Scored>> waiting(studies.size());  // for those before them
  std::size_t next = 0;
  side_by_side(studies.size(), studies_at_once(device_from_name(options.device)), [&](std::size_t i) {
    Scored result = scored(studies[i], studies[i].present & subset, predictor, options);
    const std::lock_guard lock(taking);
    waiting[i] = std::move(result);
    for (; next < studies.size() && waiting[next]; waiting[next++].reset())
      take(studies[next], *waiting[next]);
  });
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
