#include "models/lesion_rule_choice.h"

#include <algorithm>
#include <set>
#include <utility>

#include "models/components.h"
#include "models/dropped_components.h"
#include "models/error.h"
#include "models/log_odds.h"

namespace metserve::models {
namespace {

constexpr double lowest_threshold = -4, threshold_step = 0.5;  // log-odds: 0.02
constexpr int threshold_steps = 16;                            // to 4, which is 0.98
constexpr double roundness_step = 0.05;
constexpr int roundness_steps = 12;
constexpr double least_truth = 0.1;  // share of a component that finds a lesion
constexpr double rounding = 1e-9;    // what is worth so little more is worth the same
constexpr double price = 0.1;        // of a false positive in every study: a tenth of the lesions

}  // namespace

/// What components that are taken for lesions, one after the other, are worth together.
class LesionRuleChoice::Tally {
 public:
  explicit Tally(const LesionRuleChoice& choice) : choice_(choice), studies_(choice.studies()) {
    defined_ = static_cast<double>(std::count_if(choice.truth_voxels_.begin(), choice.truth_voxels_.end(),
                                                 [](double voxels) { return voxels > 0; }));
  }

  void take(const Component& component) {
    if (!component.counts) return;
    Taken& taken = studies_[component.study];
    const double truth = choice_.truth_voxels_[component.study];
    if (truth == 0 && taken.voxels == 0) defined_ += 1;  // a Dice of 0
    const auto dice = [&] { return 2 * taken.hits / std::max(1.0, taken.voxels + truth); };
    dices_ -= dice();
    taken.voxels += component.voxels;
    taken.hits += component.hits;
    dices_ += dice();
    if (component.lesions.empty()) invented_ += 1;
    found_.insert(component.lesions.begin(), component.lesions.end());
  }

  double false_positives() const { return invented_ / static_cast<double>(studies_.size()); }

  double worth() const {
    const double share = choice_.lesions_ == 0
                             ? 0
                             : static_cast<double>(found_.size()) / static_cast<double>(choice_.lesions_);
    return share + (defined_ > 0 ? dices_ / defined_ : 0) - price * false_positives();
  }

 private:
  struct Taken {
    double voxels = 0;
    double hits = 0;  ///< those of the truth
  };
  const LesionRuleChoice& choice_;
  std::vector<Taken> studies_;
  double defined_ = 0;  ///< studies with a Dice: those with a lesion or something that was taken for one
  double dices_ = 0;    ///< their sum
  double invented_ = 0;
  std::set<std::size_t> found_;
};

LesionRuleChoice::LesionRuleChoice(double minimum_volume_mm3) : minimum_volume_mm3_(minimum_volume_mm3) {
  for (int step = 0; step <= threshold_steps; ++step)
    rungs_.push_back({lowest_threshold + threshold_step * step, {}});
}

std::vector<LesionRuleChoice::Component> LesionRuleChoice::components_of(const torch::Tensor& log_odds,
                                                                         const Study& study,
                                                                         double threshold) const {
  const Components parts = label_components(log_odds.ge(threshold));
  const torch::Tensor values = log_odds.flatten().index_select(0, parts.places);
  const torch::Tensor truths = study.truth.flatten().index_select(0, parts.places);
  const torch::Tensor rounds = judged_roundness(parts, study.spacing_mm);
  const auto part = parts.part.accessor<std::int64_t, 1>();
  const auto value = values.accessor<float, 1>();
  const auto truth = truths.accessor<std::int16_t, 1>();
  const auto round = rounds.accessor<double, 1>();
  std::vector<Component> components(parts.voxels.size());
  std::vector<std::set<std::size_t>> touched(parts.voxels.size());
  for (std::int64_t i = 0; i < part.size(0); ++i) {
    const auto number = static_cast<std::size_t>(part[i]);
    components[number].peak = std::max(components[number].peak, value[i]);
    if (truth[i] == 0) continue;
    components[number].hits += 1;
    touched[number].insert(lesions_ + static_cast<std::size_t>(truth[i]));
  }
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  for (std::size_t i = 0; i < components.size(); ++i) {
    components[i].study = studies();
    components[i].roundness = round[static_cast<std::int64_t>(i)];
    components[i].voxels = static_cast<double>(parts.voxels[i]);
    components[i].counts = components[i].voxels * voxel_mm3 >= minimum_volume_mm3_;
    if (components[i].hits >= least_truth * components[i].voxels)
      components[i].lesions.assign(touched[i].begin(), touched[i].end());
  }
  return components;
}

void LesionRuleChoice::add(const torch::Tensor& log_odds, const Study& study) {
  for (Rung& rung : rungs_)
    for (Component& component : components_of(log_odds, study, rung.threshold))
      rung.components.push_back(std::move(component));
  truth_voxels_.push_back(static_cast<double>(study.truth.ne(0).sum().item<std::int64_t>()));
  lesions_ += static_cast<std::size_t>(study.truth.max().item<std::int64_t>());
}

void LesionRuleChoice::add(const LesionRuleChoice& other) {
  for (std::size_t r = 0; r < rungs_.size(); ++r)
    for (Component component : other.rungs_[r].components) {
      component.study += studies();
      for (std::size_t& lesion : component.lesions) lesion += lesions_;
      rungs_[r].components.push_back(std::move(component));
    }
  truth_voxels_.insert(truth_voxels_.end(), other.truth_voxels_.begin(), other.truth_voxels_.end());
  lesions_ += other.lesions_;
}

/// Takes components from the highest peak on, those of one peak together, for as long as false positives are
/// few enough; the peak lies midway between the last ones of the best and those that come next.
std::optional<LesionRuleChoice::Outcome> LesionRuleChoice::best_peak(const Rung& rung, double roundness,
                                                                     double false_positives) const {
  std::vector<const Component*> candidates;
  for (const Component& component : rung.components)
    if (component.roundness >= roundness) candidates.push_back(&component);
  std::sort(candidates.begin(), candidates.end(),
            [](const Component* a, const Component* b) { return a->peak > b->peak; });
  Tally tally(*this);
  std::optional<Outcome> best;
  for (auto next = candidates.begin(); next != candidates.end();) {
    const double peak = (*next)->peak;
    for (; next != candidates.end() && (*next)->peak == peak; ++next) tally.take(**next);
    if (tally.false_positives() > false_positives) break;
    if (best && tally.worth() <= best->worth + rounding) continue;
    const double below = next == candidates.end() ? rung.threshold : (peak + (*next)->peak) / 2;
    best = Outcome{rung.threshold, below, roundness, tally.worth()};
  }
  return best;
}

std::optional<LesionRule> LesionRuleChoice::with_false_positives(double false_positives,
                                                                 std::optional<double> roundness) const {
  if (studies() == 0) throw Error(Error::Kind::bad_input, "there is no study to choose a threshold on");
  std::vector<double> ladder;
  for (int step = 0; step <= roundness_steps; ++step) ladder.push_back(roundness_step * step);
  if (roundness) ladder = {*roundness};
  std::optional<Outcome> best;
  for (const double least : ladder)
    for (const Rung& rung : rungs_) {
      const std::optional<Outcome> outcome = best_peak(rung, least, false_positives);
      if (outcome && (!best || outcome->worth > best->worth + rounding)) best = outcome;
    }
  if (!best) return std::nullopt;
  return LesionRule{probability_at(best->threshold), probability_at(best->peak), best->roundness,
                    minimum_volume_mm3_};
}

}  // namespace metserve::models
