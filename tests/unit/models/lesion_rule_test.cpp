#include "models/lesion_rule.h"

#include <array>
#include <limits>
#include <utility>

#include <torch/types.h>

#include "models/components.h"
#include "models/dropped_components.h"
#include "models/error.h"
#include "models/lesion_rule_choice.h"
#include "models/log_odds.h"
#include "models/metrics.h"
#include "tests/catch.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;

namespace {

constexpr std::array<double, 3> cubes{1, 1, 1};
constexpr float infinity = std::numeric_limits<float>::infinity();

torch::Tensor box(std::int64_t slices, std::int64_t rows, std::int64_t columns) {
  torch::Tensor mask = torch::zeros({12, 40, 40}, torch::kBool);
  mask.narrow(0, 1, slices).narrow(1, 1, rows).narrow(2, 1, columns).fill_(true);
  return mask;
}

/// Log-odds of 1 where the mask is, of 0 elsewhere.
torch::Tensor sure_of(const torch::Tensor& mask) {
  return mask.to(torch::kFloat32).logit();
}

double roundness_of(const torch::Tensor& mask, const std::array<double, 3>& spacing_mm) {
  return roundness(label_components(mask), spacing_mm).item<double>();
}

}  // namespace

TEST_CASE("The roundness of a box is its shortest over its longest edge in mm", "[components]") {
  CHECK(roundness_of(box(5, 5, 5), cubes) == Approx(1));
  CHECK(roundness_of(box(1, 1, 1), cubes) == Approx(1));
  CHECK(roundness_of(box(1, 8, 8), cubes) == Approx(1.0 / 8));
  CHECK(roundness_of(box(2, 3, 8), {1, 1, 2}) == Approx(3.0 / 8));
  CHECK(roundness_of(box(2, 8, 8), {0.5, 0.5, 2}) == Approx(1));
}

TEST_CASE("Roundness knows no direction and is told of every component", "[components]") {
  torch::Tensor mask = torch::zeros({12, 40, 40}, torch::kBool);
  for (std::int64_t i = 0; i < 20; ++i)
    mask[2][5 + i].narrow(0, 5 + i, 2).fill_(true);  // a thread, at 45 degrees
  mask.narrow(0, 2, 5).narrow(1, 25, 5).narrow(2, 2, 5).fill_(true);
  const torch::Tensor both = roundness(label_components(mask), cubes);
  REQUIRE(both.size(0) == 2);
  CHECK(both[0].item<double>() < 0.05);
  CHECK(both[1].item<double>() == Approx(1));
  CHECK(roundness(label_components(torch::zeros({2, 2, 2}, torch::kBool)), cubes).size(0) == 0);
}

TEST_CASE("Components that are flat or long are dropped whole, whatever their peak", "[lesion_rule]") {
  const LesionRule rule{.threshold = 0.5, .minimum_roundness = 0.4};
  const torch::Tensor sheet = sure_of(box(2, 9, 9)), cube = sure_of(box(5, 9, 9));
  CHECK(without_dropped_components(sheet, rule, cubes).max().item<float>() == -infinity);
  CHECK(torch::equal(without_dropped_components(cube, rule, cubes), cube));
  CHECK(torch::equal(without_dropped_components(sheet, rule, {1, 1, 2}), sheet));  // 4 mm thick
}

TEST_CASE("Components of 2 cm3 or more are kept whatever their shape", "[lesion_rule]") {
  const LesionRule rule{.threshold = 0.5, .minimum_roundness = 0.4};
  const torch::Tensor slab = sure_of(box(4, 25, 25));
  CHECK(torch::equal(without_dropped_components(slab, rule, cubes), slab));
  CHECK(without_dropped_components(slab, rule, {0.9, 0.9, 0.9}).max().item<float>() == -infinity);  // 1.8 cm3
}

TEST_CASE("Components below the smallest volume, in mm3, are dropped whole", "[lesion_rule]") {
  const LesionRule rule{.threshold = 0.5, .minimum_volume_mm3 = 27};
  const torch::Tensor cube = sure_of(box(3, 3, 3));
  CHECK(torch::equal(without_dropped_components(cube, rule, cubes), cube));
  CHECK(without_dropped_components(cube, rule, {1, 1, 0.9}).max().item<float>() == -infinity);
  CHECK(torch::equal(without_dropped_components(cube, of_any_size(rule), {1, 1, 0.9}), cube));
}

TEST_CASE("Changes replace what they name of a model's rule", "[lesion_rule]") {
  const LesionRule own{
      .threshold = 0.4, .minimum_peak = 0.9, .minimum_roundness = 0.3, .minimum_volume_mm3 = 5};
  const LesionRule rule = changed(own, {.minimum_peak = 0.0, .minimum_volume_mm3 = 20});
  CHECK(rule.threshold == 0.4);
  CHECK(rule.minimum_peak == 0);
  CHECK(rule.minimum_roundness == 0.3);
  CHECK(rule.minimum_volume_mm3 == 20);
}

TEST_CASE("Components that nowhere reach the peak are dropped whole", "[metrics]") {
  torch::Tensor probability = torch::zeros({3, 8, 8});
  probability[1][1].slice(0, 1, 4).fill_(0.6F);  // reaches 0.95 in the next slice, corner to corner
  probability[2][2][4] = 0.95F;
  probability[1][6].slice(0, 1, 6).fill_(0.85F);
  probability[0][6][7] = 0.4F;  // no component
  const LesionRule rule{.threshold = 0.5, .minimum_peak = 0.9, .minimum_volume_mm3 = 0};
  const torch::Tensor log_odds = probability.logit();
  torch::Tensor expected = log_odds.clone();
  expected[1][6].slice(0, 1, 6).fill_(-infinity);
  CHECK(torch::equal(without_dropped_components(log_odds, rule, cubes), expected));
  const LesionRule lower = of_any_size({.threshold = 0.5, .minimum_peak = 0.8});
  CHECK(torch::equal(without_dropped_components(log_odds, lower, cubes), log_odds));
  const LesionRule none = of_any_size({.threshold = 0.5});
  CHECK(torch::equal(without_dropped_components(log_odds, none, cubes), log_odds));
  const torch::Tensor nothing = torch::full({3, 8, 8}, -infinity);
  CHECK(torch::equal(without_dropped_components(nothing, rule, cubes), nothing));
}

TEST_CASE("False positives are taken for a lesion, never more than are allowed", "[lesion_rule]") {
  const Study study = toy_study(0);  // two lesions
  torch::Tensor probability = torch::zeros(study.truth.sizes());
  probability.masked_fill_(study.truth.eq(1), 0.99F);
  probability.masked_fill_(study.truth.eq(2), 0.6F);
  const auto invent = [&](std::int64_t number, float value) {  // cubes of 4 voxels, never neighbours
    probability.narrow(0, 3, 4).narrow(1, 40, 4).narrow(2, 10 * number, 4).fill_(value);
  };
  for (std::int64_t i = 0; i < 3; ++i) invent(i, i == 0 ? 0.97F : 0.8F);
  const auto choice = [&] {
    LesionRuleChoice result(10);
    result.add(probability.logit(), study);
    return result;
  };
  const auto score = [&](double allowed) {
    return score_study(probability.logit(), study, *choice().with_false_positives(allowed));
  };
  CHECK_THROWS_WITH(LesionRuleChoice(10).with_false_positives(1), Contains("no study"));
  CHECK(score(3).false_positives == 3);  // for half of the lesions
  CHECK(*score(3).recall == Approx(1));
  for (const double allowed : {2.0, 1.0, 0.0}) {  // and none for nothing
    CHECK(score(allowed).false_positives == 0);
    CHECK(*score(allowed).recall == Approx(0.5));
  }
  invent(3, 0.55F);  // below both lesions
  CHECK(score(9).false_positives == 3);
  invent(4, 0.999F);
  CHECK_FALSE(choice().with_false_positives(0));
}

namespace {

/// A lesion that holds nearly all voxels of the truth, and two small ones, of which the last is the least
/// sure.
struct OneLargeTwoSmall {
  Study study = toy_study(0, 0);
  torch::Tensor log_odds = torch::full(study.truth.sizes(), -infinity);

  OneLargeTwoSmall() {
    study.truth.narrow(0, 1, 6).narrow(1, 10, 20).narrow(2, 10, 20).fill_(1);
    for (std::int64_t i = 2; i <= 3; ++i)
      study.truth.narrow(0, 2, 3).narrow(1, 12, 3).narrow(2, 20 + 10 * i, 3).fill_(i);
    log_odds.masked_fill_(study.truth.ne(0), 5.0F);
    log_odds.masked_fill_(study.truth.eq(3), 0.4F);
  }
};

/// Small cubes, surer than the last lesion.
void invent(torch::Tensor& log_odds, std::int64_t number) {
  for (std::int64_t i = 0; i < number; ++i)
    log_odds.narrow(0, 2, 3).narrow(1, 40, 3).narrow(2, 6 * i, 3).fill_(1.4F);
}

}  // namespace

TEST_CASE("A false positive a study costs a tenth of the lesions", "[lesion_rule]") {
  const auto [invented, taken] = GENERATE(std::pair(3, 3), std::pair(4, 0));
  OneLargeTwoSmall mixed;  // a third of the lesions, and hardly a voxel
  invent(mixed.log_odds, invented);
  LesionRuleChoice choice(10);
  choice.add(mixed.log_odds, mixed.study);
  const StudyFigures figures = score_study(mixed.log_odds, mixed.study, *choice.with_false_positives(9));
  CHECK(figures.false_positives == taken);
}

TEST_CASE("A false positive in a study without lesions costs its Dice, which is 0", "[lesion_rule]") {
  OneLargeTwoSmall mixed;
  const Study healthy = toy_study(1, 0);
  torch::Tensor false_alarm = torch::full(healthy.truth.sizes(), -infinity);
  invent(false_alarm, 1);
  LesionRuleChoice choice(10);
  choice.add(mixed.log_odds, mixed.study);
  const Study also_healthy = toy_study(2, 0);
  choice.add(torch::full(healthy.truth.sizes(), -infinity), also_healthy);
  CHECK(log_odds_of(choice.with_false_positives(9)->minimum_peak) < 0.4);
  choice.add(false_alarm, healthy);
  CHECK(log_odds_of(choice.with_false_positives(9)->minimum_peak) > 1.4);
}

TEST_CASE("A component that is nearly all something else finds no lesion", "[lesion_rule]") {
  OneLargeTwoSmall mixed;
  mixed.log_odds.masked_fill_(mixed.study.truth.ne(2), -3.2F);  // everything, two lesions of three with it
  LesionRuleChoice choice(10);
  choice.add(mixed.log_odds, mixed.study);
  CHECK(log_odds_of(choice.with_false_positives(9)->threshold) > -3.2);
}

TEST_CASE("A roundness that is given is kept, and the peak chosen with it", "[lesion_rule]") {
  const Study study = toy_study(0);
  torch::Tensor probability = torch::zeros(study.truth.sizes());
  probability.masked_fill_(study.truth.ne(0), 0.9F);
  probability.select(0, 7).narrow(0, 40, 6).narrow(1, 8, 6).fill_(0.7F);  // flat, less sure than the lesions
  LesionRuleChoice choice(10);
  choice.add(probability.logit(), study);
  for (const double roundness : {0.0, 0.25}) {
    const LesionRule rule = *choice.with_false_positives(2, roundness);
    CHECK(rule.minimum_roundness == roundness);
    CHECK(score_study(probability.logit(), study, rule).false_positives == 0);
  }
  CHECK(choice.with_false_positives(2, 0.0)->minimum_peak > 0.7);
}

TEST_CASE("Where false positives are flat and lesions are not, roundness tells them apart", "[lesion_rule]") {
  const Study study = toy_study(0);
  torch::Tensor probability = torch::zeros(study.truth.sizes());
  probability.masked_fill_(study.truth.ne(0), 0.9F);
  for (std::int64_t i = 0; i < 3; ++i)  // surer than the lesions
    probability.select(0, 7).narrow(0, 40, 6).narrow(1, 8 * i, 6).fill_(0.99F);
  LesionRuleChoice choice(10);
  choice.add(probability.logit(), study);
  LesionRuleChoice both(10);
  both.add(choice);
  both.add(choice);
  for (const LesionRuleChoice* of : {&choice, &both}) {
    const LesionRule rule = *of->with_false_positives(0);
    CHECK(rule.minimum_roundness > 0);
    const StudyFigures figures = score_study(probability.logit(), study, rule);
    CHECK(figures.false_positives == 0);
    CHECK(*figures.recall == Approx(1));
    CHECK(rule.minimum_peak <= 0.9);
  }
}

TEST_CASE("The threshold outlines the studies best, not their voxels together: a small lesion counts",
          "[lesion_rule]") {
  Study large = toy_study(0, 0);
  large.truth.narrow(0, 1, 6).narrow(1, 20, 24).narrow(2, 20, 24).fill_(1);
  torch::Tensor halo = torch::full(large.truth.sizes(), -infinity);
  halo.narrow(0, 0, 8).narrow(1, 18, 28).narrow(2, 18, 28).fill_(-1.2F);
  halo.masked_fill_(large.truth.ne(0), 3.2F);
  const Study small = toy_study(1, 1);
  torch::Tensor faint = torch::full(small.truth.sizes(), -infinity);
  faint.masked_fill_(small.truth.ne(0), -1.2F);
  LesionRuleChoice choice(10);
  choice.add(halo, large);
  CHECK(log_odds_of(choice.with_false_positives(0)->threshold) > -1.2);
  choice.add(faint, small);
  CHECK(log_odds_of(choice.with_false_positives(0)->threshold) < -1.2);
  const LesionRule rule = *choice.with_false_positives(0);
  CHECK(*score_study(faint, small, rule).dice == Approx(1));
}

TEST_CASE("A peak is chosen among components that are surer than float32 could tell as probabilities",
          "[lesion_rule]") {
  const Study study = toy_study(0);
  torch::Tensor log_odds = torch::full(study.truth.sizes(), -infinity);
  log_odds.masked_fill_(study.truth.ne(0), 27.0F);
  log_odds.narrow(0, 3, 4).narrow(1, 40, 4).narrow(2, 0, 4).fill_(25.0F);
  CHECK(torch::equal(log_odds.sigmoid(), log_odds.isfinite().to(torch::kFloat32)));
  LesionRuleChoice choice(10);
  choice.add(log_odds, study);
  const LesionRule rule = *choice.with_false_positives(0);
  CHECK(log_odds_of(rule.minimum_peak) == Approx(26).margin(0.01));
  const StudyFigures figures = score_study(log_odds, study, rule);
  CHECK(figures.false_positives == 0);
  CHECK(*figures.recall == Approx(1));
}

TEST_CASE("Log-odds and probabilities are each other's inverse, and a bound stays below 1", "[lesion_rule]") {
  for (const double log_odds : {-700.0, -20.0, 0.0, 3.5, 30.0})
    CHECK(log_odds_of(probability_at(log_odds)) == Approx(log_odds).epsilon(1e-3));
  CHECK(log_odds_of(0) == -infinity);
  CHECK(log_odds_of(1) == infinity);
  CHECK(probability_at(500) < 1);
  CHECK(log_odds_of(probability_at(500)) == Approx(36.7).margin(0.1));
}
