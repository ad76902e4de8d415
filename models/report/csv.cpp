#include <cmath>

#include "models/report/report.h"
#include "models/text.h"

namespace metserve::models {
namespace {

std::string number(double value) {
  return formatted("%.6g", value);
}

std::string number(const std::optional<double>& value) {
  return value ? number(*value) : "";
}

/// Quoted where a field needs it (RFC 4180).
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

struct Line {
  std::string figure;
  std::optional<double> value;
  std::optional<Interval> interval;
  std::optional<double> deviation{};
};

std::vector<Line> lines_of(const SubsetFigures& f) {
  const auto line = [](const char* figure, const Spread& spread) {
    return spread.count == 0 ? Line{figure, {}, {}}
                             : Line{figure, spread.mean, spread.interval, spread.deviation};
  };
  return {line("dice", f.dice),
          line("precision", f.precision),
          line("recall", f.recall),
          line("auc", f.auc),
          line("detected_dice", f.detected_dice),
          line("lesion_wise_dice", f.lesion_wise_dice),
          line("false_positives", f.false_positives),
          line("false_positives_any_size", f.false_positives_any_size),
          line("false_positives_product", f.false_positives_product),
          {"sensitivity", f.sensitivity.value, f.sensitivity.interval},
          {"sensitivity_large", f.sensitivity_large.value, f.sensitivity_large.interval},
          {"average_precision", f.detection.average_precision, f.average_precision_interval},
          {"maximum_sensitivity", f.detection.maximum_sensitivity, f.maximum_sensitivity_interval},
          {"true_positive_dice", f.detection.true_positive_dice, f.true_positive_dice_interval},
          {"best_threshold", f.best_threshold, {}},
          {"youden_threshold", f.youden_threshold, {}},
          line("youden_threshold_by_study", f.youden_threshold_by_study)};
}

}  // namespace

std::string subsets_csv(const std::vector<SubsetFigures>& figures) {
  std::string text = "subset,figure,value,low,high,sd\n";
  for (const SubsetFigures& f : figures)
    for (const Line& line : lines_of(f)) {
      const auto low = line.interval ? std::optional(line.interval->low) : std::nullopt;
      const auto high = line.interval ? std::optional(line.interval->high) : std::nullopt;
      text += key(f.subset) + ',' + line.figure + ',' + number(line.value) + ',' + number(low) + ',' +
              number(high) + ',' + number(line.deviation) + '\n';
    }
  return text;
}

std::string studies_csv(const std::vector<SubsetFigures>& figures) {
  std::string text =
      "subset,study,dice,precision,recall,auc,detected_dice,lesion_wise_dice,false_positives,"
      "false_positives_any_size,false_positives_product,lesions,youden_threshold\n";
  for (const SubsetFigures& f : figures)
    for (const StudyFigures& s : f.studies)
      text += key(f.subset) + ',' + field(s.study) + ',' + number(s.dice) + ',' + number(s.precision) + ',' +
              number(s.recall) + ',' + number(s.auc) + ',' + number(s.detected_dice) + ',' +
              number(s.lesion_wise_dice) +
              formatted(",%d,%d,%d,%zu,", s.false_positives, s.false_positives_any_size,
                        s.false_positives_product, s.lesions.size()) +
              number(s.youden_threshold) + '\n';
  return text;
}

std::string lesions_csv(const std::vector<SubsetFigures>& figures) {
  std::string text = "subset,study,diameter_mm,volume_mm3,found\n";
  for (const SubsetFigures& f : figures)
    for (const StudyFigures& s : f.studies)
      for (const LesionOutcome& lesion : s.lesions)
        text += key(f.subset) + ',' + field(s.study) + ',' + number(lesion.diameter_mm) + ',' +
                number(lesion.volume_mm3) + (lesion.found ? ",1\n" : ",0\n");
  return text;
}

}  // namespace metserve::models
