#include <algorithm>
#include <cmath>
#include <span>

#include "models/report/report.h"
#include "models/report/svg.h"
#include "models/text.h"

namespace metserve::models {
namespace {

/// More lines than this cannot be told apart.
constexpr std::size_t most_lines = 7;

using Figures = std::span<const SubsetFigures>;

/// "name", then "name-2" and so on.
std::string numbered(const std::string& name, std::size_t number) {
  return number == 1 ? name : name + '-' + std::to_string(number);
}

/// As many plots as it takes, `most_lines` subsets on each.
void add_pages(const std::string& name, Figures figures, std::string (*draw)(Figures),
               std::vector<NamedPlot>& plots) {
  for (std::size_t begin = 0; begin < figures.size(); begin += most_lines)
    plots.push_back({numbered(name, begin / most_lines + 1),
                     draw(figures.subspan(begin, std::min(most_lines, figures.size() - begin)))});
}

std::string roc(Figures figures) {
  Plot plot("Mean ROC over studies, 95 % band", {"false positive rate", 0, 1}, {"true positive rate", 0, 1});
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (figures[i].auc.count == 0) continue;
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

std::string precision_recall(Figures figures) {
  Plot plot("Lesions: precision and recall", {"recall", 0, 1}, {"precision", 0, 1});
  for (std::size_t i = 0; i < figures.size(); ++i) {
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

std::string by_size(const SubsetFigures& figures) {
  const auto count = static_cast<double>(figures.by_size.size());
  Plot plot("Lesions found by longest diameter, " + describe(figures.subset), {"mm", 0.5, count + 0.5},
            {"sensitivity", 0, 1});
  for (std::size_t i = 0; i < figures.by_size.size(); ++i) {
    const SizeBin& bin = figures.by_size[i];
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
  std::vector<NamedPlot> plots;
  add_pages("roc", figures, roc, plots);
  add_pages("precision-recall", figures, precision_recall, plots);
  plots.push_back({"dice", boxes(figures, "Voxel Dice by study", {"Dice", 0, 1},
                                 [](const StudyFigures& s) { return s.dice; })});
  plots.push_back(
      {"auc", boxes(figures, "AUC by study", {"AUC", 0.5, 1}, [](const StudyFigures& s) { return s.auc; })});
  plots.push_back({"false-positives",
                   boxes(figures, "False positives by study", {"components", 0, std::ceil(most / 5) * 5},
                         [](const StudyFigures& s) { return std::optional<double>(s.false_positives); })});
  for (std::size_t i = 0; i < figures.size(); ++i)
    plots.push_back({numbered("sensitivity-by-size", i + 1), by_size(figures[i])});
  return plots;
}

}  // namespace metserve::models
