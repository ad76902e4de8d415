#include <algorithm>
#include <cmath>
#include <iterator>

#include <nlohmann/json.hpp>

#include "models/evaluation.h"
#include "models/text.h"

namespace metserve::models {
namespace {

using json = nlohmann::json;

json to_json(const std::optional<Interval>& interval) {
  return interval ? json{interval->low, interval->high} : json(nullptr);
}

json to_json(const Spread& spread) {
  return {{"mean", spread.count > 0 ? json(spread.mean) : json(nullptr)},
          {"sd", spread.deviation},
          {"studies", spread.count},
          {"interval", to_json(spread.interval)}};
}

json to_json(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json to_json(const StudyFigures& study) {
  json lesions = json::array();
  for (const LesionOutcome& lesion : study.lesions)
    lesions.push_back(
        {{"diameter_mm", lesion.diameter_mm}, {"volume_mm3", lesion.volume_mm3}, {"found", lesion.found}});
  return {{"study", study.study},
          {"sequences", ids(study.sequences)},
          {"dice", to_json(study.dice)},
          {"precision", to_json(study.precision)},
          {"recall", to_json(study.recall)},
          {"auc", to_json(study.auc)},
          {"detected_dice", to_json(study.detected_dice)},
          {"lesion_wise_dice", study.lesion_wise_dice},
          {"false_positives", study.false_positives},
          {"false_positives_any_size", study.false_positives_any_size},
          {"false_positives_product", study.false_positives_product},
          {"youden_threshold", to_json(study.youden_threshold)},
          {"lesions", lesions}};
}

json to_json(const SizeBin& bin) {
  return {{"from_mm", bin.from_mm},
          {"to_mm", std::isinf(bin.to_mm) ? json(nullptr) : json(bin.to_mm)},
          {"found", bin.found},
          {"lesions", bin.lesions},
          {"sensitivity", to_json(bin.sensitivity.value)},
          {"sensitivity_interval", to_json(bin.sensitivity.interval)}};
}

json to_json(const LesionCountGroup& group) {
  return {{"from", group.from},
          {"to", group.to},
          {"dice", to_json(group.dice)},
          {"auc", to_json(group.auc)},
          {"false_positives", to_json(group.false_positives)},
          {"sensitivity", to_json(group.sensitivity.value)},
          {"sensitivity_interval", to_json(group.sensitivity.interval)}};
}

json to_json(const LesionRule& rule) {
  return {{"threshold", rule.threshold},
          {"minimum_peak", rule.minimum_peak},
          {"minimum_roundness", rule.minimum_roundness},
          {"minimum_volume_mm3", rule.minimum_volume_mm3}};
}

json detection_json(const SubsetFigures& f) {
  json curve = json::array();
  for (const DetectionFigures::Point& point : f.detection.curve)
    curve.push_back({point.recall, point.precision});
  return {{"average_precision", to_json(f.detection.average_precision)},
          {"average_precision_interval", to_json(f.average_precision_interval)},
          {"maximum_sensitivity", to_json(f.detection.maximum_sensitivity)},
          {"maximum_sensitivity_interval", to_json(f.maximum_sensitivity_interval)},
          {"true_positive_dice", to_json(f.detection.true_positive_dice)},
          {"true_positive_dice_interval", to_json(f.true_positive_dice_interval)},
          {"recall_precision", curve}};
}

json roc_json(const SubsetFigures& f) {
  json points = json::array();
  for (const RocPoint& point : f.roc)
    points.push_back({point.false_positive_rate, point.mean, point.interval.low, point.interval.high});
  return points;
}

template <typename Element>
json list_of(const std::vector<Element>& elements) {
  json list = json::array();
  for (const Element& element : elements) list.push_back(to_json(element));
  return list;
}

json to_json(const SubsetFigures& f) {
  return {{"subset", ids(f.subset)},
          {"rule", to_json(f.rule)},
          {"dice", to_json(f.dice)},
          {"precision", to_json(f.precision)},
          {"recall", to_json(f.recall)},
          {"auc", to_json(f.auc)},
          {"detected_dice", to_json(f.detected_dice)},
          {"lesion_wise_dice", to_json(f.lesion_wise_dice)},
          {"false_positives", to_json(f.false_positives)},
          {"false_positives_any_size", to_json(f.false_positives_any_size)},
          {"false_positives_product", to_json(f.false_positives_product)},
          {"sensitivity", to_json(f.sensitivity.value)},
          {"sensitivity_interval", to_json(f.sensitivity.interval)},
          {"sensitivity_large", to_json(f.sensitivity_large.value)},
          {"sensitivity_large_interval", to_json(f.sensitivity_large.interval)},
          {"by_size", list_of(f.by_size)},
          {"by_lesion_count", list_of(f.groups)},
          {"detection", detection_json(f)},
          {"roc", roc_json(f)},
          {"best_threshold", to_json(f.best_threshold)},
          {"best_threshold_dice", to_json(f.best_threshold_dice)},
          {"youden_threshold", to_json(f.youden_threshold)},
          {"youden_threshold_by_study", to_json(f.youden_threshold_by_study)},
          {"studies", list_of(f.studies)}};
}

std::string cell(const Spread& spread, int decimals) {
  return spread.count > 0 ? formatted(" %.*f |", decimals, spread.mean) : " - |";
}

std::string percent_cell(const Pooled& share) {
  return share.value ? formatted(" %.0f %% |", 100 * *share.value) : " - |";
}

std::string row(const SubsetFigures& f) {
  const std::string dice =
      f.dice.count > 0 ? formatted(" %.2f ± %.2f |", f.dice.mean, f.dice.deviation) : " - |";
  return "| " + describe(f.subset) + " | " + count_studies(f) + " |" + dice + cell(f.detected_dice, 2) +
         cell(f.precision, 2) + cell(f.recall, 2) + cell(f.auc, 3) + percent_cell(f.sensitivity_large) +
         percent_cell(f.sensitivity) + cell(f.false_positives, 1) + "\n";
}

}  // namespace

std::string describe(SlotSet subset) {
  if (subset.all()) return "all four";
  if (subset.count() == slot_count - 1) return "without " + names(~subset);
  return names(subset);
}

std::string count_studies(const SubsetFigures& figures) {
  const auto whole =
      std::count_if(figures.studies.begin(), figures.studies.end(),
                    [&](const StudyFigures& study) { return study.sequences == figures.subset; });
  const std::string all = std::to_string(figures.studies.size());
  return whole == std::ssize(figures.studies) ? all : all + " (" + std::to_string(whole) + " whole)";
}

std::string to_json(const std::vector<SubsetFigures>& figures) {
  json list = json::array();
  for (const SubsetFigures& f : figures) list.push_back(to_json(f));
  return list.dump(2);
}

std::string to_table(const std::vector<SubsetFigures>& figures) {
  std::string table =
      "| sequences | studies | voxel Dice | Dice of those found | precision | recall | AUC | found, large "
      "| found, all | false positives |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n";
  for (const SubsetFigures& f : figures) table += row(f);
  return table;
}

}  // namespace metserve::models
