#include "models/metrics.h"

#include <torch/types.h>

#include "models/components.h"
#include "models/evaluation.h"
#include "models/log_odds.h"
#include "models/slot_list.h"
#include "models/threshold.h"
#include "tests/catch.h"
#include "tests/unit/models/tiny_network.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;

namespace {

/// A study of 4 x 6 x 8 voxels with 2 mm3 each: lesion 1 has 4 voxels in a row, lesion 2 is one voxel.
Study small_study() {
  Study study;
  study.name = "by hand";
  study.spacing_mm = {1, 1, 2};
  study.images = torch::full({4, 4, 6, 8}, 50, torch::kUInt8);
  study.truth = torch::zeros({4, 6, 8}, torch::kInt16);
  study.truth[1][1].slice(0, 1, 5).fill_(1);
  study.truth[3][5][7].fill_(2);
  return study;
}

}  // namespace

TEST_CASE("Voxels that touch at a corner are one component, others are not", "[components]") {
  torch::Tensor mask = torch::zeros({3, 3, 5}, torch::kBool);
  mask[0][0][0] = true;
  mask[1][1][1] = true;  // by a corner
  mask[0][0][3] = true;  // two columns away
  mask[2][2][2] = true;
  const Components found = label_components(mask);
  CHECK(found.voxels == std::vector<std::int64_t>{3, 1});
  CHECK(found.labels[2][2][2].item<int>() == 1);
  CHECK(found.labels[0][0][3].item<int>() == 2);
  CHECK(found.labels.ne(0).sum().item<int>() == 4);
}

TEST_CASE("A component whose arms meet late is still one", "[components]") {
  torch::Tensor mask = torch::zeros({1, 4, 7}, torch::kBool);  // a W of two Us
  for (int column : {0, 3, 6}) mask[0].slice(0, 0, 3).select(1, column).fill_(true);
  mask[0][3].fill_(true);
  CHECK(label_components(mask).voxels == std::vector<std::int64_t>{16});
  CHECK(label_components(torch::zeros({2, 2, 2}, torch::kBool)).voxels.empty());
}

TEST_CASE("The longest diameter is between the farthest voxels, plus an edge", "[components]") {
  torch::Tensor mask = torch::zeros({3, 4, 9}, torch::kBool);
  mask[0][0][0] = true;
  CHECK(longest_diameter_mm(mask, {1, 1, 1}) == Approx(1));
  mask[2][3][6] = true;  // 6 columns of 1, 3 rows of 1, 2 slices of 3 mm: 9 mm
  CHECK(longest_diameter_mm(mask, {1, 1, 3}) == Approx(9 + std::cbrt(3.0)));
}

TEST_CASE("Voxel and lesion figures of a study worked out by hand", "[metrics]") {
  const Study study = small_study();
  torch::Tensor probability = torch::full({4, 6, 8}, 0.1F);
  probability[1][1].slice(0, 3, 7).fill_(0.9);  // columns 3..6: two hits, two beyond
  probability[1][4].slice(0, 0, 3).fill_(0.8);  // three voxels, 6 mm3, on nothing
  probability[3][1].slice(0, 0, 5).fill_(0.7);  // five voxels, 10 mm3, on nothing
  const StudyFigures figures =
      score_study(probability.logit(), study, {.threshold = 0.5, .minimum_volume_mm3 = 10});
  CHECK(*figures.dice == 0);  // the hits are in a component of 8 mm3, less than the smallest reported
  CHECK(*figures.precision == 0);
  CHECK(*figures.recall == 0);
  CHECK(figures.false_positives_any_size == 2);
  CHECK(figures.false_positives == 1);
  REQUIRE(figures.lesions.size() == 2);
  CHECK_FALSE(figures.lesions[0].found);
  const StudyFigures smaller =
      score_study(probability.logit(), study, {.threshold = 0.5, .minimum_volume_mm3 = 8});
  CHECK(*smaller.dice == Approx(2.0 * 2 / (9 + 5)));
  CHECK(*smaller.precision == Approx(2.0 / 9));
  CHECK(*smaller.recall == Approx(2.0 / 5));
  CHECK(smaller.lesions[0].found);
  CHECK_FALSE(figures.lesions[1].found);
  CHECK(figures.lesions[0].volume_mm3 == Approx(8));
  CHECK(figures.lesions[0].diameter_mm == Approx(3 + std::cbrt(2.0)));
}

TEST_CASE("Figures that do not exist are absent", "[metrics]") {
  Study study = small_study();
  study.truth.zero_();
  const StudyFigures empty = score_study(torch::zeros({4, 6, 8}).logit(), study, {});
  CHECK_FALSE(empty.dice.has_value());
  CHECK_FALSE(empty.precision.has_value());
  CHECK_FALSE(empty.recall.has_value());
  CHECK_FALSE(empty.auc.has_value());
  CHECK(empty.false_positives == 0);
}

TEST_CASE("Probabilities far below and close to one are told apart", "[metrics]") {
  ThresholdCurve low, high;
  low.add(torch::tensor({-27.6F, -20.7F, -23.0F, -18.4F}), torch::tensor({false, true, false, true}));
  CHECK(low.auc() == 1);
  CHECK(low.best().dice == 1);
  CHECK(low.youden().recall == 1);
  high.add(torch::tensor({23.0F, 23.5F}), torch::tensor({false, true}));
  CHECK(high.auc() == 1);
}

TEST_CASE("Area under the curve and thresholds worked out by hand", "[metrics]") {
  ThresholdCurve curve;
  const torch::Tensor probability = torch::tensor({0.905F, 0.605F, 0.405F, 0.705F, 0.205F, 0.105F});
  const torch::Tensor truth = torch::tensor({1, 1, 1, 0, 0, 0}).to(torch::kBool);
  curve.add(probability.logit(), truth);
  CHECK(curve.auc() == Approx(7.0 / 9));  // of nine pairs, two are the wrong way round
  // At 0.9: 1 hit. At 0.4: 3 hits and one false, Dice 6/7.
  CHECK(curve.best().dice == Approx(6.0 / 7));
  CHECK(curve.best().threshold > 0.2);
  CHECK(curve.best().threshold <= 0.405);
  CHECK(curve.best().precision == Approx(3.0 / 4));
  CHECK(curve.best().recall == Approx(1));
  CHECK(curve.youden().recall == Approx(1));
}

TEST_CASE("Two curves added are that of all their voxels", "[metrics]") {
  ThresholdCurve all, parts, second;
  const torch::Tensor log_odds = torch::tensor({2.0F, 0.5F, -0.5F, 1.0F, -1.5F, -2.0F});
  const torch::Tensor truth = torch::tensor({1, 1, 1, 0, 0, 0}).to(torch::kBool);
  all.add(log_odds, truth);
  parts.add(log_odds.narrow(0, 0, 2), truth.narrow(0, 0, 2));
  second.add(log_odds.narrow(0, 2, 4), truth.narrow(0, 2, 4));
  parts.add(second);
  CHECK(parts.auc() == all.auc());
  CHECK(parts.best().threshold == all.best().threshold);
  CHECK(parts.best().dice == all.best().dice);
}

TEST_CASE("Equal probabilities count half in the area under the curve", "[metrics]") {
  ThresholdCurve curve;
  curve.add(torch::full({4}, -0.85F), torch::tensor({1, 0, 1, 0}).to(torch::kBool));
  CHECK(curve.auc() == Approx(0.5));
}

TEST_CASE("Youden's threshold is of the voxels inside the head, of one study and of all", "[evaluation]") {
  Study study = small_study();
  study.images.narrow(2, 2, 4).zero_();  // two rows of head and the lesion at a corner, the rest is air
  torch::Tensor log_odds = torch::full(study.truth.sizes(), -3.0F);
  log_odds.masked_fill_(inside_head(study).logical_not(), -1);
  log_odds.masked_fill_(study.truth.ne(0), -2);
  log_odds[1][1].slice(0, 1, 3).fill_(0);  // two of five lesion voxels, which alone are above air
  const auto predictor = [&](const Study&, SlotSet) { return log_odds; };
  const SubsetFigures figures = evaluate_predictions({study}, SlotSet().set(), predictor, {});
  for (const double threshold : {*figures.youden_threshold, figures.youden_threshold_by_study.mean}) {
    CHECK(threshold > probability_at(-3));
    CHECK(threshold < probability_at(-1));
  }
}

TEST_CASE("Subsets are listed once each and described by name", "[evaluation]") {
  CHECK(full_and_one_missing().size() == 5);
  CHECK(all_subsets().size() == 15);
  CHECK(describe(full_and_one_missing()[0]) == "all four");
  CHECK(describe(full_and_one_missing()[1]) == "without BRAVO");
  CHECK(describe(SlotSet("1100")) == "CUBE post + FLAIR");
}

TEST_CASE("Subsets are named in words with commas, each counts once", "[evaluation]") {
  CHECK(subsets_named("one-missing") == full_and_one_missing());
  CHECK(subsets_named("all,full") == all_subsets());
  CHECK(subsets_named("full,without-t1_se_post,full") ==
        std::vector<SlotSet>{SlotSet("1111"), SlotSet("1011")});
  CHECK(subsets_named("t1_se_post+flair,t1_gre_post") ==
        std::vector<SlotSet>{SlotSet("1100"), SlotSet("0001")});
  CHECK_THROWS_WITH(subsets_named("t1_se_post+"), Contains("'t1_se_post+'"));
  CHECK_THROWS_WITH(subsets_named("full,bravo"), Contains("'bravo'") && Contains("without-SEQUENCE"));
  CHECK_THROWS_WITH(subsets_named("full,"), Contains("''"));
  CHECK_THROWS_WITH(subsets_named("without-t2"), Contains("'t2'") && Contains("t1_se_post"));
}

TEST_CASE("Evaluation gives one row per subset and counts every lesion", "[evaluation]") {
  const NetworkConfig config = tiny_network();
  torch::manual_seed(1);
  Study study = small_study();
  study.images = torch::randint(1, 200, {4, 4, 32, 32}, torch::kUInt8);
  study.truth = torch::zeros({4, 32, 32}, torch::kInt16);
  study.truth[2].slice(0, 4, 10).slice(1, 4, 10).fill_(1);
  EvaluationOptions options;
  options.subsets = full_and_one_missing();
  options.precision = "float32";
  options.rule.threshold = 0.001;  // everything is predicted
  double share = 0;
  const auto figures = evaluate(make_network(config), {study}, options, [&](double done) { share = done; });
  REQUIRE(figures.size() == 5);
  CHECK(share == Approx(1));
  for (const SubsetFigures& f : figures) {
    CHECK(*f.sensitivity.value == Approx(1));
    CHECK(f.recall.mean == Approx(1));
    CHECK(f.precision.mean == Approx(36.0 / 4096));
    CHECK(f.false_positives.mean == 0);
    CHECK(f.by_size[2].lesions == 1);  // 5 columns and 5 rows apart: 7.1 mm and an edge
  }
  CHECK(to_table(figures).find("| without FLAIR |") != std::string::npos);
  CHECK(to_json(figures).find("\"sensitivity_large\"") != std::string::npos);
  CHECK(to_json(figures).find("\"threshold\": 0.001") != std::string::npos);
}
