#include "models/evaluation.h"

#include <fstream>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "models/device.h"
#include "models/error.h"
#include "models/evaluation/bootstrap.h"
#include "models/evaluation/detection.h"
#include "models/evaluation/lesion_dice.h"
#include "models/evaluation/rank_sum.h"
#include "models/metrics.h"
#include "models/report/compare.h"
#include "models/report/report.h"
#include "models/report/svg.h"
#include "models/slot_list.h"
#include "models/text.h"
#include "models/threshold.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/tiny_network.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

/// 6 x 10 x 10 voxels of 1 mm with two lesions: 1 is a row of three, 2 is one voxel at a corner of nothing.
Study two_lesions() {
  Study study;
  study.name = "two, \"by hand\"";
  study.spacing_mm = {1, 1, 1};
  study.images = torch::full({4, 6, 10, 10}, 50, torch::kUInt8);
  study.truth = torch::zeros({6, 10, 10}, torch::kInt16);
  study.truth[2][4].slice(0, 2, 5).fill_(1);
  study.truth[4][8][8] = 2;
  return study;
}

torch::Tensor nothing() {
  return torch::zeros({6, 10, 10});
}

/// Log-odds of 0.9 in the lesions, of 0 elsewhere.
torch::Tensor outlined(const Study& study) {
  return study.truth.gt(0).to(torch::kFloat32).mul(0.9).logit();
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("The rank-sum test counts all orders where it can, and corrects for ties where it cannot",
          "[statistics]") {
  const RankSum apart = rank_sum_test({1, 2, 3}, {4, 5, 6});
  CHECK(apart.exact);
  CHECK(apart.u == 0);
  CHECK(apart.p_value == Approx(0.1));  // two of twenty orders are as extreme
  const RankSum mixed = rank_sum_test({1.1, 2.2, 3.3, 9}, {4, 5.5, 6, 0.5, 7});
  CHECK(mixed.u == Approx(8));
  CHECK(mixed.p_value == Approx(0.7301587));
  const RankSum tied = rank_sum_test({1, 2, 2, 3}, {2, 3, 4, 4});
  CHECK_FALSE(tied.exact);
  CHECK(tied.p_value == Approx(0.1341692).epsilon(1e-5));
  CHECK(rank_sum_test({5, 5}, {5, 5, 5}).p_value == 1);
  CHECK_THROWS_AS(rank_sum_test({}, {1}), Error);
  CHECK_THROWS_AS(rank_sum_test({1}, {NAN}), Error);
}

TEST_CASE("Bootstrap intervals are of the resampled studies", "[statistics]") {
  const std::vector<double> values{0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
  const auto mean = [&values](const std::vector<int>& times) -> std::optional<double> {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += times[i] * values[i];
    return sum / 10;
  };
  const auto interval = bootstrap(10, mean);
  REQUIRE(interval.has_value());
  CHECK(interval->low == Approx(0.2).margin(0.1));  // binomial, ten draws: 2.5 % quantile 0.2
  CHECK(interval->high == Approx(0.8).margin(0.1));
  CHECK(bootstrap(10, mean)->low == interval->low);
  CHECK_FALSE(bootstrap(3, [](const auto&) { return std::optional<double>(); }).has_value());
  CHECK_FALSE(bootstrap(0, mean).has_value());
  CHECK_THROWS_AS(bootstrap(3, mean, {1, 0.95, 1}), Error);
}

TEST_CASE("A predicted lesion is true when its centre is within 1 mm of the truth, once per lesion",
          "[detection]") {
  const Study study = two_lesions();
  torch::Tensor probability = nothing();
  probability[2][5].slice(0, 2, 5).fill_(0.6);  // one row beside lesion 1: centre 1 mm away
  probability[0][4][3] = 0.4;                   // two slices below it: 2 mm
  probability[4][8][9] = 0.2;                   // beside lesion 2
  const LesionPredictions found = detect_lesions(probability, study);
  REQUIRE(found.predictions.size() == 3);
  CHECK(found.lesions == 2);
  CHECK(found.predictions[0].true_positive);
  CHECK(found.predictions[0].probability == Approx(0.6));
  CHECK(found.predictions[0].dice == 0);  // no voxel in common
  CHECK_FALSE(found.predictions[1].true_positive);
  CHECK(found.predictions[2].true_positive);
  probability.mul_(0.1);
  CHECK(detect_lesions(probability, study).predictions.empty());  // below 10 %
}

TEST_CASE("A second prediction on a lesion is a false positive", "[detection]") {
  const Study study = two_lesions();
  torch::Tensor probability = nothing();
  probability[2][4][2] = 0.3;
  probability[2][4][4] = 0.8;
  const LesionPredictions found = detect_lesions(probability, study);
  REQUIRE(found.predictions.size() == 2);
  CHECK(found.predictions[0].true_positive);
  CHECK(found.predictions[0].probability == Approx(0.8));
  CHECK(found.predictions[0].dice == Approx(0.5));  // one voxel of three
  CHECK_FALSE(found.predictions[1].true_positive);
}

TEST_CASE("Average precision worked out by hand, with ties and lesions that are never found", "[detection]") {
  const LesionPredictions a{{{0.9, true, 0.8}, {0.5, false, 0}}, 2};
  const LesionPredictions b{{{0.7, false, 0}, {0.5, true, 0.6}}, 2};
  const DetectionFigures figures = detection_figures({a, b});
  // 0.9: 1 of 1. 0.7: 1 of 2. 0.5 (both at once): 2 of 4, recall 1/4 to 1/2.
  CHECK(*figures.average_precision == Approx(0.25 * 1 + 0.25 * 0.5));
  CHECK(*figures.maximum_sensitivity == Approx(0.5));
  CHECK(*figures.true_positive_dice == Approx(0.7));
  REQUIRE(figures.curve.size() == 3);
  CHECK(figures.curve[1].precision == Approx(0.5));
  const DetectionFigures twice = detection_figures({a, b}, {2, 0});
  CHECK(*twice.average_precision == Approx(0.5));
  CHECK(*twice.true_positive_dice == Approx(0.8));
  const DetectionFigures none = detection_figures({LesionPredictions{}});
  CHECK_FALSE(none.average_precision.has_value());
  CHECK_FALSE(none.maximum_sensitivity.has_value());
  CHECK_FALSE(none.true_positive_dice.has_value());
}

TEST_CASE("Lesion-wise Dice worked out by hand", "[lesion_dice]") {
  Study study = two_lesions();
  study.spacing_mm = {1, 1, 3};  // lesion 2 has 3 mm3
  const auto dice = [&study](const torch::Tensor& mask) {
    return lesion_wise_dice(mask.to(torch::kBool), study);
  };
  CHECK(dice(nothing()) == 0);
  torch::Tensor mask = nothing();
  mask[2][4].slice(0, 2, 5).fill_(1);
  CHECK(dice(mask) == Approx(0.5));  // one lesion whole, one missed
  mask[0][0][0] = 1;
  CHECK(dice(mask) == Approx(1.0 / 3));  // and one false positive
  mask[0][0][0] = 0;
  mask[4][8][7] = 1;  // touches the dilated lesion 2, shares no voxel with it: no false positive
  CHECK(dice(mask) == Approx(0.5));
  study.spacing_mm = {1, 1, 2};  // lesion 2 has 2 mm3: left out, and so is what touches it
  CHECK(dice(mask) == Approx(1));
  study.truth.zero_();
  CHECK(dice(nothing()) == 1);
}

TEST_CASE("Lesions that touch once dilated are one, corners alone do not join", "[lesion_dice]") {
  Study study = two_lesions();
  study.truth.zero_();
  study.truth[2][2][2] = 1;
  study.truth[2][2][4] = 2;  // one voxel between them: their dilations meet
  study.spacing_mm = {2, 2, 2};
  torch::Tensor mask = torch::zeros({6, 10, 10}, torch::kBool);
  mask[2][2][2] = true;
  CHECK(lesion_wise_dice(mask, study) == Approx(2.0 / 3));
  mask[3][3][5] = true;  // shares but a corner with lesion 2: not in its 18-neighbourhood, so false
  CHECK(lesion_wise_dice(mask, study) == Approx(1.0 / 3));
}

TEST_CASE("False positives by components and by the product rule", "[metrics]") {
  const Study study = two_lesions();
  torch::Tensor probability = nothing();
  probability[2][4].slice(0, 2, 5).fill_(0.9);
  probability[2][4][3] = 0;  // lesion 1 is found in two pieces
  probability[0][0][0] = 0.9;
  const StudyFigures figures =
      score_study(probability.logit(), study, {.threshold = 0.5, .minimum_volume_mm3 = 0});
  CHECK(figures.false_positives_any_size == 1);
  CHECK(figures.false_positives_product == 1);  // three objects, two of them in the product
  CHECK(*figures.detected_dice == Approx(0.8));
  CHECK(figures.study == study.name);
}

TEST_CASE("The curve's true positive rates are interpolated between thresholds", "[metrics]") {
  ThresholdCurve curve;
  curve.add(torch::tensor({0.9F, 0.6F, 0.7F, 0.3F}).logit(), torch::tensor({1, 1, 0, 0}).to(torch::kBool));
  const std::vector<double> rates = curve.true_positive_rates({0, 0.25, 0.5, 0.75, 1});
  CHECK(rates[0] == Approx(0.5));  // 0.9 alone
  CHECK(rates[1] == Approx(0.5));  // half way through 0.7
  CHECK(rates[4] == Approx(1));
  CHECK(rates[3] == Approx(1));
}

TEST_CASE("A report holds our figures, the papers' and every plot; its tables have a row each", "[report]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  const auto predictor = [](const Study& study, SlotSet given) {
    return given.all() ? outlined(study) : torch::zeros({8, 64, 64}).logit();
  };
  EvaluationOptions options;
  options.rule_of = [](SlotSet given) {
    return LesionRule{.threshold = given.all() ? 0.5 : 0.25,
                      .minimum_peak = given.all() ? 0.75 : 0.625,
                      .minimum_roundness = given.all() ? 0.1 : 0.2};
  };
  ReportOptions report;
  report.title = "A <test>";
  add_pictures(options, 1, report);
  std::vector<SubsetFigures> figures;
  for (SlotSet subset : full_and_one_missing())
    figures.push_back(evaluate_predictions(studies, subset, predictor, options));
  CHECK(figures[0].dice.mean == Approx(1));
  CHECK(figures[0].lesion_wise_dice.mean == Approx(1));
  CHECK(*figures[0].detection.average_precision == Approx(1));
  CHECK(figures[0].sensitivity.interval->low == Approx(1));
  CHECK(figures[0].groups[0].dice.count == 2);
  CHECK(figures[1].sensitivity.value == 0.0);
  CHECK(report.pictures.size() == 1);
  CHECK(to_table(figures).find("| all four | 2 | 1.00 ± 0.00 | 1.00 | 1.00 |") != std::string::npos);
  write_report(figures, report, directory.path());
  const std::string html = text_of(directory / "report.html");
  CHECK(html.find("A &lt;test&gt;") != std::string::npos);
  CHECK(html.find("0.795") != std::string::npos);
  CHECK(html.find("<td>all four</td><td>0.5</td><td>0.75</td><td>0.10</td>") != std::string::npos);
  CHECK(html.find("<td>without FLAIR</td><td>0.25</td><td>0.625</td><td>0.20</td>") != std::string::npos);
  CHECK(html.find("data:image/bmp;base64,Qk") != std::string::npos);  // BM
  for (const char* plot :
       {"roc", "precision-recall", "dice", "auc", "false-positives", "sensitivity-by-size"})
    CHECK(text_of(directory / (std::string(plot) + ".svg")).find("</svg>") != std::string::npos);
  const auto rows = [&](const char* file) {
    const std::string text = text_of(directory / file);
    return std::count(text.begin(), text.end(), '\n') - 1;
  };
  CHECK(rows("studies.csv") == 5 * 2);
  CHECK(rows("lesions.csv") == 5 * 4);
  CHECK(rows("subsets.csv") == 5 * 17);
  CHECK(rows("sizes.csv") == 5 * 5);
  CHECK(rows("groups.csv") == 5 * 3 * 4);
  CHECK(rows("roc.csv") == 5 * 101);
  CHECK(text_of(directory / "sensitivity-by-size-5.svg").find("without FLAIR") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(directory / "roc-2.svg"));
  const auto same = compare_evaluations(directory / "evaluation.json", directory / "evaluation.json");
  CHECK(same.size() == 5 * 8 - 4 * 2);  // without a prediction there is no precision and no lesion found
  for (const Comparison& c : same) CHECK(c.test.p_value == 1);
  const auto file = directory / "evaluation.json";
  const auto apart =
      compare_evaluations(file, file, {.subset = SlotSet("1111")}, {.subset = SlotSet("1110")});
  REQUIRE(apart.size() == 6);  // without a prediction there is neither precision nor a lesion found
  CHECK(apart[1].figure == "dice");
  CHECK(apart[1].first_median == Approx(1));
  CHECK(apart[1].second_median == 0);
  CHECK(apart[1].against == "t1_se_pre+t1_se_post+flair");
  CHECK_THROWS_WITH(compare_evaluations(file, file, {}, {.fewest_lesions = 3}),
                    Catch::Matchers::Contains("no studies of those"));
  write_text("[]", directory / "empty.json");
  CHECK_THROWS_WITH(compare_evaluations(directory.path(), directory / "evaluation.json"),
                    Catch::Matchers::Contains(directory.path().string() + ": is a folder"));
  CHECK_THROWS_WITH(compare_evaluations(directory / "evaluation.json", directory / "empty.json"),
                    Catch::Matchers::Contains("empty.json"));
}

TEST_CASE("Figures that healthy studies do not have are absent, and so are their intervals' resamples",
          "[report]") {
  Study healthy = toy_study(0);
  healthy.truth.zero_();
  const auto perfect = [](const Study& study, SlotSet) { return outlined(study); };
  const SubsetFigures none = evaluate_predictions({healthy}, SlotSet().set(), perfect, {});
  CHECK_FALSE(none.sensitivity.value.has_value());
  CHECK_FALSE(none.best_threshold.has_value());
  CHECK(to_table({none}).find("| all four | 1 | - | - | - | - | - | - | - | 0.0 |") != std::string::npos);
  const SubsetFigures some =
      evaluate_predictions({toy_study(0), healthy, healthy, healthy}, SlotSet().set(), perfect, {});
  CHECK(some.average_precision_interval->low == Approx(1));  // resamples without a lesion are left out
  CHECK(some.maximum_sensitivity_interval->low == Approx(1));
}

TEST_CASE("Lesions are judged by the rule for the sequences that a study has", "[evaluation]") {
  Study study = toy_study(0);
  study.present.reset(index(Slot::t1_gre_post));
  const auto predictor = [](const Study& s, SlotSet) { return outlined(s); };
  std::vector<SlotSet> asked;
  EvaluationOptions options;
  options.rule_of = [&asked](SlotSet given) {
    asked.push_back(given);
    return LesionRule{};
  };
  evaluate_predictions({study}, SlotSet().set(), predictor, options);
  CHECK(asked == std::vector<SlotSet>{SlotSet().set(), study.present});
}

TEST_CASE("Studies side by side give what they give one after the other, in their order", "[evaluation]") {
  std::vector<Study> studies;
  for (int i = 0; i < 7; ++i) studies.push_back(toy_study(i));
  const Network network = make_network(tiny_network());
  EvaluationOptions options;
  options.precision = "float32";
  const auto evaluated = [&](int threads) {
    const ThreadLimit limit(threads);
    std::vector<std::string> order;
    options.on_prediction = [&](const Study& study, SlotSet, const torch::Tensor&) {
      order.push_back(study.name);
    };
    const std::string json = to_json(evaluate(network, studies, options, {}));
    for (std::size_t i = 0; i < studies.size(); ++i) CHECK(order.at(i) == studies[i].name);
    return json;
  };
  CHECK(evaluated(4) == evaluated(1));
  studies[3].images = studies[3].images.narrow(0, 0, 3);
  CHECK_THROWS_WITH(evaluated(4), Contains("[4, D, H, W]"));
}

TEST_CASE("A row says how many of its studies have all of the sequences", "[evaluation]") {
  std::vector<Study> studies{toy_study(0), toy_study(1), toy_study(2)};
  studies[1].present = SlotSet("0011");
  studies[2].present = SlotSet("1000");
  const auto perfect = [](const Study& study, SlotSet given) {
    return given.any() ? outlined(study) : torch::Tensor();
  };
  const auto row = [&](SlotSet subset) {
    return count_studies(evaluate_predictions(studies, subset, perfect, {}));
  };
  CHECK(row(SlotSet().set()) == "3 (1 whole)");
  CHECK(row(SlotSet("0111")) == "2 (1 whole)");
  CHECK(row(SlotSet("0011")) == "2");
  const std::string json = to_json({evaluate_predictions(studies, SlotSet("0111"), perfect, {})});
  CHECK(nlohmann::json::parse(json)[0]["studies"][1]["sequences"] ==
        nlohmann::json{"t1_gre_post", "t1_se_pre"});
}

TEST_CASE("Every subset is in a plot, seven in each", "[report]") {
  const Study study = toy_study(0);
  const auto predictor = [](const Study& s, SlotSet) { return outlined(s); };
  std::vector<SubsetFigures> figures;
  for (SlotSet subset : all_subsets())
    figures.push_back(evaluate_predictions({study}, subset, predictor, {}));
  std::string roc;
  for (const NamedPlot& plot : evaluation_plots(figures))
    if (plot.name.starts_with("roc")) roc += plot.name + plot.svg;
  for (const char* name : {"roc-2<", "roc-3<"}) CHECK(roc.find(name) != std::string::npos);
  for (SlotSet subset : all_subsets()) CHECK(roc.find(describe(subset) + ", AUC") != std::string::npos);
}

TEST_CASE("Intervals are over patients, of whom several studies may be there", "[evaluation]") {
  std::vector<Study> studies{toy_study(0), toy_study(1), toy_study(2), toy_study(3)};
  const auto two_of_four = [&](const Study& s, SlotSet) {
    return s.name == "toy 0" || s.name == "toy 1" ? outlined(s) : torch::full(s.truth.sizes(), -9.0F);
  };
  const auto dice = [&] { return evaluate_predictions(studies, SlotSet().set(), two_of_four, {}).dice; };
  CHECK(dice().mean == 0.5);
  CHECK(dice().interval->low < 0.5);
  for (Study& study : studies) study.patient = "one";
  CHECK(dice().interval->low == 0.5);  // nobody else to draw
  CHECK(dice().interval->high == 0.5);
}

TEST_CASE("Text in plots cannot break them", "[report]") {
  Plot plot("a < b & \"c\"", {"x", 0, 1}, {"y", 0, 1});
  plot.line({{0, 0}, {2, 2}}, 9, "<name>");
  const std::string svg = plot.svg();
  CHECK(svg.find("a &lt; b &amp; &quot;c&quot;") != std::string::npos);
  CHECK(svg.find("<name>") == std::string::npos);
  CHECK(svg.find("444.0,34.0") != std::string::npos);  // what lies outside is drawn at the corner
}
