#include <cmath>
#include <limits>

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

/// A figure and its interval, three fields.
std::string with_bounds(const std::optional<double>& value, const std::optional<Interval>& interval) {
  const std::string bounds = interval ? number(interval->low) + ',' + number(interval->high) : ",";
  return number(value) + ',' + bounds;
}

std::string with_bounds(const Spread& spread) {
  return with_bounds(mean_of(spread), spread.interval);
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
    const auto deviation = spread.count == 0 ? std::nullopt : std::optional(spread.deviation);
    return Line{figure, mean_of(spread), spread.interval, deviation};
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
    for (const Line& line : lines_of(f))
      text += key(f.subset) + ',' + line.figure + ',' + with_bounds(line.value, line.interval) + ',' +
              number(line.deviation) + '\n';
  return text;
}

std::string studies_csv(const std::vector<SubsetFigures>& figures) {
  std::string text =
      "subset,study,sequences,dice,precision,recall,auc,detected_dice,lesion_wise_dice,false_positives,"
      "false_positives_any_size,false_positives_product,lesions,youden_threshold\n";
  for (const SubsetFigures& f : figures)
    for (const StudyFigures& s : f.studies)
      text += key(f.subset) + ',' + field(s.study) + ',' + key(s.sequences) + ',' + number(s.dice) + ',' +
              number(s.precision) + ',' + number(s.recall) + ',' + number(s.auc) + ',' +
              number(s.detected_dice) + ',' + number(s.lesion_wise_dice) +
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

std::string sizes_csv(const std::vector<SubsetFigures>& figures) {
  std::string text = "subset,from_mm,to_mm,lesions,found,sensitivity,low,high\n";
  for (const SubsetFigures& f : figures)
    for (const SizeBin& bin : f.by_size)
      text += key(f.subset) +
              formatted(",%g,%s,%d,%d,", bin.from_mm, std::isinf(bin.to_mm) ? "" : number(bin.to_mm).c_str(),
                        bin.lesions, bin.found) +
              with_bounds(bin.sensitivity.value, bin.sensitivity.interval) + '\n';
  return text;
}

std::string groups_csv(const std::vector<SubsetFigures>& figures) {
  std::string text = "subset,from_lesions,to_lesions,studies,figure,value,low,high\n";
  for (const SubsetFigures& f : figures)
    for (const LesionCountGroup& group : f.groups) {
      const bool open = group.to == std::numeric_limits<int>::max();
      const std::string head =
          key(f.subset) + formatted(",%d,%s,%d,", group.from, open ? "" : std::to_string(group.to).c_str(),
                                    group.false_positives.count);
      text += head + "dice," + with_bounds(group.dice) + '\n';
      text += head + "auc," + with_bounds(group.auc) + '\n';
      text += head + "false_positives," + with_bounds(group.false_positives) + '\n';
      text += head + "sensitivity," + with_bounds(group.sensitivity.value, group.sensitivity.interval) + '\n';
    }
  return text;
}

std::string roc_csv(const std::vector<SubsetFigures>& figures) {
  std::string text = "subset,false_positive_rate,true_positive_rate,low,high\n";
  for (const SubsetFigures& f : figures)
    if (f.auc.count > 0)
      for (const RocPoint& point : f.roc)
        text += key(f.subset) + ',' + number(point.false_positive_rate) + ',' +
                with_bounds(point.mean, point.interval) + '\n';
  return text;
}

std::string precision_recall_csv(const std::vector<SubsetFigures>& figures) {
  std::string text = "subset,recall,precision\n";
  for (const SubsetFigures& f : figures)
    for (const DetectionFigures::Point& point : f.detection.curve)
      text += key(f.subset) + ',' + number(point.recall) + ',' + number(point.precision) + '\n';
  return text;
}

}  // namespace metserve::models
