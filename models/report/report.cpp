#include "models/report/report.h"

#include <limits>

#include "models/error.h"
#include "models/report/mosaic.h"
#include "models/report/papers.h"
#include "models/report/svg.h"
#include "models/text.h"

namespace metserve::models {
namespace {

constexpr const char* style =
    "body{font-family:sans-serif;margin:2em;max-width:72em}table{border-collapse:collapse;margin:1em 0}"
    "th,td{border:1px solid #bbb;padding:.25em .6em;text-align:right}th:first-child,td:first-child"
    "{text-align:left}th{background:#eee}.papers td{color:#555}svg,img{margin:.5em}";

std::string with_interval(double value, const std::optional<Interval>& interval, int decimals) {
  const std::string text = formatted("%.*f", decimals, value);
  if (!interval) return text;
  return text + formatted(" (%.*f to %.*f)", decimals, interval->low, decimals, interval->high);
}

std::string cell(const Spread& spread, int decimals) {
  return "<td>" + (spread.count > 0 ? with_interval(spread.mean, spread.interval, decimals) : "-") + "</td>";
}

std::string percent_cell(const std::optional<double>& value, const std::optional<Interval>& interval) {
  if (!value) return "<td>-</td>";
  std::optional<Interval> scaled;
  if (interval) scaled = Interval{100 * interval->low, 100 * interval->high};
  return "<td>" + with_interval(100 * *value, scaled, 0) + "</td>";
}

std::string threshold_cell(const std::optional<double>& threshold) {
  return threshold ? formatted("<td>%.3g</td>", *threshold) : "<td>-</td>";
}

std::string voxel_table(const std::vector<SubsetFigures>& figures) {
  std::string text =
      "<table><tr><th>sequences</th><th>studies</th><th>AUC</th><th>voxel Dice</th><th>Dice of lesions "
      "found</th><th>recall</th>"
      "<th>precision</th><th>FP/study, any size</th><th>FP, large enough</th><th>FP, product rule</th>"
      "<th>lesion-wise Dice (BraTS)</th></tr>\n";
  std::size_t row = 0;
  for (const SubsetFigures& f : figures)
    text += formatted("<tr><td>%zu. ", ++row) + escaped(describe(f.subset)) + "</td><td>" + count_studies(f) +
            "</td>" + cell(f.auc, 3) + cell(f.dice, 2) + cell(f.detected_dice, 2) + cell(f.recall, 2) +
            cell(f.precision, 2) + cell(f.false_positives_any_size, 1) + cell(f.false_positives, 1) +
            cell(f.false_positives_product, 1) + cell(f.lesion_wise_dice, 2) + "</tr>\n";
  return text + "</table>\n";
}

std::string lesion_table(const std::vector<SubsetFigures>& figures) {
  std::string text =
      "<table><tr><th>sequences</th><th>threshold</th><th>smallest peak</th><th>smallest "
      "roundness</th><th>lesions found, %</th><th>large ones, "
      "%</th><th>mAP, %</th>"
      "<th>max. sensitivity, %</th><th>TP Dice, %</th><th>threshold of the best Dice</th><th>Youden, "
      "pooled</th>"
      "<th>Youden, mean of studies</th></tr>\n";
  for (const SubsetFigures& f : figures)
    text += "<tr><td>" + escaped(describe(f.subset)) + "</td>" +
            formatted("<td>%.3g</td><td>%.16g</td><td>%.2f</td>", f.rule.threshold, f.rule.minimum_peak,
                      f.rule.minimum_roundness) +
            percent_cell(f.sensitivity.value, f.sensitivity.interval) +
            percent_cell(f.sensitivity_large.value, f.sensitivity_large.interval) +
            percent_cell(f.detection.average_precision, f.average_precision_interval) +
            percent_cell(f.detection.maximum_sensitivity, f.maximum_sensitivity_interval) +
            percent_cell(f.detection.true_positive_dice, f.true_positive_dice_interval) +
            threshold_cell(f.best_threshold) + threshold_cell(f.youden_threshold) +
            threshold_cell(mean_of(f.youden_threshold_by_study)) + "</tr>\n";
  return text + "</table>\n";
}

std::string group_table(const SubsetFigures& f) {
  std::string text =
      "<table><tr><th>lesions in the study, " + escaped(describe(f.subset)) +
      "</th><th>studies</th><th>voxel Dice</th><th>AUC</th><th>FP/study</th><th>found, %</th></tr>\n";
  for (const LesionCountGroup& group : f.groups) {
    const bool open = group.to == std::numeric_limits<int>::max();
    text += "<tr><td>" +
            (open ? formatted("%d and more", group.from) : formatted("%d to %d", group.from, group.to)) +
            formatted("</td><td>%d</td>", group.false_positives.count) + cell(group.dice, 2) +
            cell(group.auc, 3) + cell(group.false_positives, 1) +
            percent_cell(group.sensitivity.value, group.sensitivity.interval) + "</tr>\n";
  }
  return text + "</table>\n";
}

std::string group_tables(const std::vector<SubsetFigures>& figures) {
  std::string text;
  for (const SubsetFigures& f : figures) text += group_table(f);
  return text;
}

std::string html(const std::vector<SubsetFigures>& figures, const ReportOptions& options,
                 const std::vector<NamedPlot>& plots) {
  std::string text = "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>" +
                     escaped(options.title) + "</title><style>" + style + "</style></head><body>\n<h1>" +
                     escaped(options.title) + "</h1>\n<p>" + escaped(options.model) + "<br>" +
                     escaped(options.data) +
                     formatted("<br>Smallest component %g mm3. Research only.</p>\n",
                               figures.front().rule.minimum_volume_mm3);
  text +=
      "<p>Figures are means over studies or shares of all lesions, with 95 % intervals by bootstrap over "
      "patients. Voxel Dice is of all that is segmented; the Dice of lesions found leaves out missed "
      "lesions and false positives. Threshold and smallest peak are probabilities; a component must reach "
      "the peak somewhere. The "
      "papers' tables stand below ours: theirs are of patients.</p>\n";
  text += "<h2>Voxels</h2>\n" + voxel_table(figures) + "<h2>Lesions</h2>\n" + lesion_table(figures) +
          "<h2>By number of lesions</h2>\n" + group_tables(figures) + "<h2>Plots</h2>\n";
  for (const NamedPlot& plot : plots) text += plot.svg;
  if (!options.pictures.empty())
    text +=
        "<h2>Examples</h2>\n<p>Image; probability over it; found (green), false (blue), missed (red).</p>\n";
  for (const ReportPicture& picture : options.pictures)
    text += "<figure><figcaption>" + escaped(picture.title) + "</figcaption><img alt='' src='" + picture.url +
            "'></figure>\n";
  return text + "<h2>What the papers report</h2>\n" + papers_tables() + "</body></html>\n";
}

}  // namespace

void add_pictures(EvaluationOptions& options, int count, ReportOptions& report) {
  const SlotSet subset = options.subsets.front();
  const auto rule_of = options.rule_of ? options.rule_of : [rule = options.rule](SlotSet) { return rule; };
  options.on_prediction = [=, &report](const Study& study, SlotSet given, const torch::Tensor& log_odds) {
    if (given != subset || static_cast<int>(report.pictures.size()) >= count) return;
    report.pictures.push_back({study.name, mosaic(log_odds, study, rule_of(study.present & given))});
  };
}

void write_report(const std::vector<SubsetFigures>& figures, const ReportOptions& options,
                  const std::filesystem::path& directory) {
  if (figures.empty()) throw Error(Error::Kind::bad_input, "report: there are no figures");
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) throw Error(Error::Kind::io, directory.string() + ": cannot be made: " + failure.message());
  const std::vector<NamedPlot> plots = evaluation_plots(figures);
  write_text(to_table(figures), directory / "evaluation.md");
  write_text(subsets_csv(figures), directory / "subsets.csv");
  write_text(studies_csv(figures), directory / "studies.csv");
  write_text(lesions_csv(figures), directory / "lesions.csv");
  write_text(sizes_csv(figures), directory / "sizes.csv");
  write_text(groups_csv(figures), directory / "groups.csv");
  write_text(roc_csv(figures), directory / "roc.csv");
  write_text(precision_recall_csv(figures), directory / "precision-recall.csv");
  for (const NamedPlot& plot : plots) write_text(plot.svg, directory / (plot.name + ".svg"));
  write_text(html(figures, options, plots), directory / "report.html");
  // The last: who finds it knows that the others are there.
  write_text(to_json(figures), directory / "evaluation.json");
}

}  // namespace metserve::models
