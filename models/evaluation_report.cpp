#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "models/evaluation.h"

namespace metserve::models {
namespace {

using json = nlohmann::json;

json to_json(const Spread& spread) {
  return {{"mean", spread.mean}, {"sd", spread.deviation}, {"studies", spread.count}};
}

json to_json(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json to_json(const StudyFigures& study) {
  json lesions = json::array();
  for (const LesionOutcome& lesion : study.lesions)
    lesions.push_back(
        {{"diameter_mm", lesion.diameter_mm}, {"volume_mm3", lesion.volume_mm3}, {"found", lesion.found}});
  return {{"dice", to_json(study.dice)},
          {"precision", to_json(study.precision)},
          {"recall", to_json(study.recall)},
          {"auc", to_json(study.auc)},
          {"false_positives", study.false_positives},
          {"false_positives_any_size", study.false_positives_any_size},
          {"lesions", lesions}};
}

json to_json(const SizeBin& bin) {
  return {{"from_mm", bin.from_mm},
          {"to_mm", std::isinf(bin.to_mm) ? json(nullptr) : json(bin.to_mm)},
          {"found", bin.found},
          {"lesions", bin.lesions}};
}

json to_json(const SubsetFigures& f) {
  json sizes = json::array(), studies = json::array();
  for (const SizeBin& bin : f.by_size) sizes.push_back(to_json(bin));
  for (const StudyFigures& study : f.studies) studies.push_back(to_json(study));
  return {{"subset", ids(f.subset)},
          {"dice", to_json(f.dice)},
          {"precision", to_json(f.precision)},
          {"recall", to_json(f.recall)},
          {"auc", to_json(f.auc)},
          {"false_positives", to_json(f.false_positives)},
          {"false_positives_any_size", to_json(f.false_positives_any_size)},
          {"sensitivity", f.sensitivity},
          {"sensitivity_large", f.sensitivity_large},
          {"by_size", sizes},
          {"best_threshold", f.best_threshold},
          {"best_threshold_dice", f.best_threshold_dice},
          {"youden_threshold", f.youden_threshold},
          {"studies", studies}};
}

std::string row(const SubsetFigures& f) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(),
                "| %s | %.2f ± %.2f | %.2f | %.2f | %.3f | %.0f %% | %.0f %% | %.1f |\n",
                describe(f.subset).c_str(), f.dice.mean, f.dice.deviation, f.precision.mean, f.recall.mean,
                f.auc.mean, 100 * f.sensitivity_large, 100 * f.sensitivity, f.false_positives.mean);
  return text.data();
}

}  // namespace

std::string describe(SlotSet subset) {
  if (subset.all()) return "all four";
  std::string text;
  if (subset.count() == slot_count - 1) {
    for (Slot slot : all_slots)
      if (!subset.test(index(slot))) text = "without " + std::string(name(slot));
    return text;
  }
  for (Slot slot : all_slots)
    if (subset.test(index(slot))) text += (text.empty() ? "" : " + ") + std::string(name(slot));
  return text;
}

std::string to_json(const std::vector<SubsetFigures>& figures) {
  json list = json::array();
  for (const SubsetFigures& f : figures) list.push_back(to_json(f));
  return list.dump(2);
}

std::string to_table(const std::vector<SubsetFigures>& figures) {
  std::string table =
      "| sequences | voxel Dice | precision | recall | AUC | found, large | found, all | false positives |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const SubsetFigures& f : figures) table += row(f);
  return table;
}

}  // namespace metserve::models
