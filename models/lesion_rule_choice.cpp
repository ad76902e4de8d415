#include "models/lesion_rule_choice.h"

#include <algorithm>
#include <iterator>
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

/// Voxels of what is taken for lesions in one study, and those of them that are of the truth.
struct Taken {
  double voxels = 0, hits = 0;
};

/// Mean Dice over the studies with a lesion or something that was taken for one, 0 where there is none.
double mean_dice(const std::vector<Taken>& taken, const std::vector<double>& truth_voxels) {
  double sum = 0, defined = 0;
  for (std::size_t study = 0; study < taken.size(); ++study) {
    const double both = taken[study].voxels + truth_voxels[study];
    if (both == 0) continue;
    sum += 2 * taken[study].hits / both;
    defined += 1;
  }
  return defined > 0 ? sum / defined : 0;
}

}  // namespace

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
/// few enough; the peak lies midway between the last ones taken and those that are too many.
std::optional<LesionRuleChoice::Outcome> LesionRuleChoice::with_lowest_peak(const Rung& rung,
                                                                            double roundness,
                                                                            double false_positives) const {
  std::vector<const Component*> candidates;
  for (const Component& component : rung.components)
    if (component.roundness >= roundness) candidates.push_back(&component);
  std::sort(candidates.begin(), candidates.end(),
            [](const Component* a, const Component* b) { return a->peak > b->peak; });
  std::vector<Taken> taken(studies());
  double invented = 0;
  std::set<std::size_t> found;
  double peak = rung.threshold;
  for (auto alike = candidates.begin(); alike != candidates.end();) {
    const auto lower = std::find_if(alike, candidates.end(),
                                    [&](const Component* other) { return other->peak < (*alike)->peak; });
    invented += static_cast<double>(std::count_if(
        alike, lower, [](const Component* one) { return one->counts && one->lesions.empty(); }));
    if (invented > false_positives * static_cast<double>(studies())) {
      if (alike == candidates.begin()) return std::nullopt;
      peak = (static_cast<double>((*alike)->peak) + (*std::prev(alike))->peak) / 2;
      break;
    }
    for (; alike != lower; ++alike) {
      if (!(*alike)->counts) continue;
      taken[(*alike)->study].voxels += (*alike)->voxels;
      taken[(*alike)->study].hits += (*alike)->hits;
      found.insert((*alike)->lesions.begin(), (*alike)->lesions.end());
    }
  }
  return Outcome{rung.threshold, peak, roundness, mean_dice(taken, truth_voxels_), found.size()};
}

std::optional<LesionRuleChoice::Outcome> LesionRuleChoice::best_outline(double roundness,
                                                                        double false_positives) const {
  std::optional<Outcome> best;
  for (const Rung& rung : rungs_) {
    const std::optional<Outcome> outcome = with_lowest_peak(rung, roundness, false_positives);
    if (outcome && (!best || outcome->dice > best->dice)) best = outcome;
  }
  return best;
}

LesionRule LesionRuleChoice::with_false_positives(double false_positives) const {
  if (studies() == 0) throw Error(Error::Kind::bad_input, "there is no study to choose a threshold on");
  std::optional<Outcome> best;
  for (int step = 0; step <= roundness_steps; ++step) {
    const std::optional<Outcome> outcome = best_outline(roundness_step * step, false_positives);
    if (!outcome) continue;
    if (!best || std::pair(outcome->found, outcome->dice) > std::pair(best->found, best->dice))
      best = outcome;
  }
  if (!best)
    throw Error(Error::Kind::bad_input, "no peak gives so few false positives on the validation studies");
  return {probability_at(best->threshold), probability_at(best->peak), best->roundness, minimum_volume_mm3_};
}

}  // namespace metserve::models
