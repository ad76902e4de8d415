#include <algorithm>
#include <cmath>

#include "models/report/report.h"
#include "models/report/svg.h"
#include "models/text.h"

namespace metserve::models {
namespace {

/// More lines than this cannot be told apart.
constexpr std::size_t most_lines = 7;

std::size_t lines(const std::vector<SubsetFigures>& figures) {
  return std::min(figures.size(), most_lines);
}

std::string roc(const std::vector<SubsetFigures>& figures) {
  Plot plot("Mean ROC over studies, 95 % band", {"false positive rate", 0, 1}, {"true positive rate", 0, 1});
  for (std::size_t i = 0; i < lines(figures); ++i) {
    std::vector<PlotPoint> mean, low, high;
    for (const RocPoint& point : figures[i].roc) {
      mean.push_back({point.false_positive_rate, point.mean});
      low.push_back({point.false_positive_rate, point.interval.low});
      high.push_back({point.false_positive_rate, point.interval.high});
    }
    if (i == 0) plot.band(low, high, i);
    plot.line(mean, i, describe(figures[i].subset) + formatted(", AUC %.3f", figures[i].auc.mean));
  }
  return plot.svg();
}

std::string precision_recall(const std::vector<SubsetFigures>& figures) {
  Plot plot("Lesions: precision and recall", {"recall", 0, 1}, {"precision", 0, 1});
  for (std::size_t i = 0; i < lines(figures); ++i) {
    const DetectionFigures& found = figures[i].detection;
    if (!found.average_precision) continue;
    std::vector<PlotPoint> points;
    for (const DetectionFigures::Point& point : found.curve)
      points.push_back({point.recall, point.precision});
    plot.line(points, i, describe(figures[i].subset) + formatted(", mAP %.2f", *found.average_precision));
  }
  return plot.svg();
}

/// One box per subset.
template <typename Get>
std::string boxes(const std::vector<SubsetFigures>& figures, const std::string& title, const Axis& y,
                  Get get) {
  const auto count = static_cast<double>(figures.size());
  Plot plot(title, {"sequences (row of the table)", 0.5, count + 0.5}, y);
  for (std::size_t i = 0; i < figures.size(); ++i) {
    std::vector<double> values;
    for (const StudyFigures& study : figures[i].studies)
      if (const std::optional<double> value = get(study)) values.push_back(*value);
    const auto x = static_cast<double>(i + 1);
    plot.box(x, 0.6, values, 0);
    plot.name_at(x, std::to_string(i + 1));
  }
  return plot.svg();
}

std::string by_size(const std::vector<SubsetFigures>& figures) {
  const SubsetFigures& first = figures.front();
  const auto count = static_cast<double>(first.by_size.size());
  Plot plot("Lesions found by longest diameter, " + describe(first.subset), {"mm", 0.5, count + 0.5},
            {"sensitivity", 0, 1});
  for (std::size_t i = 0; i < first.by_size.size(); ++i) {
    const SizeBin& bin = first.by_size[i];
    const auto x = static_cast<double>(i + 1);
    if (bin.lesions > 0) plot.bar(x, 0.7, static_cast<double>(bin.found) / bin.lesions, 0);
    const std::string range = std::isinf(bin.to_mm) ? formatted("%g and more", bin.from_mm)
                                                    : formatted("%g to %g", bin.from_mm, bin.to_mm);
    plot.name_at(x, range + formatted(" (%d)", bin.lesions));
  }
  return plot.svg();
}

}  // namespace

std::vector<NamedPlot> evaluation_plots(const std::vector<SubsetFigures>& figures) {
  double most = 1;
  for (const SubsetFigures& f : figures)
    for (const StudyFigures& study : f.studies) most = std::max(most, double(study.false_positives));
  return {
      {"roc", roc(figures)},
      {"precision-recall", precision_recall(figures)},
      {"dice",
       boxes(figures, "Voxel Dice by study", {"Dice", 0, 1}, [](const StudyFigures& s) { return s.dice; })},
      {"auc", boxes(figures, "AUC by study", {"AUC", 0.5, 1}, [](const StudyFigures& s) { return s.auc; })},
      {"false-positives",
       boxes(figures, "False positives by study", {"components", 0, std::ceil(most / 5) * 5},
             [](const StudyFigures& s) { return std::optional<double>(s.false_positives); })},
      {"sensitivity-by-size", by_size(figures)}};
}

}  // namespace metserve::models
