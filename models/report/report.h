#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/evaluation.h"

namespace metserve::models {

/// One example picture of the report.
struct ReportPicture {
  std::string title;
  std::string url;  ///< of the image, `data:` included
};

struct ReportOptions {
  std::string title = "Evaluation";
  std::string model;  ///< what was evaluated, one sentence
  std::string data;   ///< on what, one sentence
  std::vector<ReportPicture> pictures;
};

/// Writes everything that an evaluation gives into `directory`: `evaluation.json`, `evaluation.md` (the
/// table), `subsets.csv`, `studies.csv`, `lesions.csv`, `sizes.csv`, `groups.csv` (by number of lesions),
/// `roc.csv`, `precision-recall.csv`, the plots `roc.svg`, `precision-recall.svg` (`roc-2.svg` and so on
/// where there are many subsets), `dice.svg`, `auc.svg`, `false-positives.svg`, `sensitivity-by-size.svg`
/// (`-2` and so on for further subsets), and `report.html` with all of it beside the papers' figures. Throws
/// Error(io).
void write_report(const std::vector<SubsetFigures>& figures, const ReportOptions& options,
                  const std::filesystem::path& directory);

/// Makes `options` add a picture of each of the first `count` studies with its first subset to `report`,
/// which must live as long.
void add_pictures(EvaluationOptions& options, int count, ReportOptions& report);

// The parts of it.
std::string subsets_csv(const std::vector<SubsetFigures>& figures);
std::string studies_csv(const std::vector<SubsetFigures>& figures);
std::string lesions_csv(const std::vector<SubsetFigures>& figures);
std::string sizes_csv(const std::vector<SubsetFigures>& figures);
std::string groups_csv(const std::vector<SubsetFigures>& figures);
std::string roc_csv(const std::vector<SubsetFigures>& figures);
std::string precision_recall_csv(const std::vector<SubsetFigures>& figures);

/// A plot and the name of its file.
struct NamedPlot {
  std::string name;
  std::string svg;
};
std::vector<NamedPlot> evaluation_plots(const std::vector<SubsetFigures>& figures);

}  // namespace metserve::models
