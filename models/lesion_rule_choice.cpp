#include "models/lesion_rule_choice.h"

#include <algorithm>
#include <cmath>

#include "models/components.h"
#include "models/error.h"

namespace metserve::models {
namespace {

constexpr double lowest_log_odds = -2, peak_step = 0.25;
constexpr int peak_steps = 72;       // to log-odds of 16, about the last that float32 tells from 1
constexpr int threshold_steps = 24;  // to log-odds of 4: 0.98
constexpr int steps_per_threshold = 2;

double ladder(int step) {
  return 1 / (1 + std::exp(-(lowest_log_odds + peak_step * step)));
}

struct Component {
  float peak = 0;
  double voxels = 0;
  double hits = 0;
};

std::vector<Component> components_of(const torch::Tensor& probability, const torch::Tensor& truth,
                                     double threshold) {
  const Components parts = label_components(probability.ge(threshold));
  const torch::Tensor inside = parts.labels.ne(0);
  const torch::Tensor labels = parts.labels.masked_select(inside);
  const torch::Tensor values = probability.masked_select(inside);
  const torch::Tensor lesions = truth.masked_select(inside);
  const auto label = labels.accessor<std::int32_t, 1>();
  const auto value = values.accessor<float, 1>();
  const auto lesion = lesions.accessor<std::int16_t, 1>();
  std::vector<Component> components(parts.voxels.size());
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    Component& own = components[static_cast<std::size_t>(label[i] - 1)];
    own.peak = std::max(own.peak, value[i]);
    own.voxels += 1;
    own.hits += lesion[i] != 0 ? 1 : 0;
  }
  return components;
}

/// The last step of the ladder that `peak` reaches.
int step_of(double peak) {
  int step = 0;
  while (step < peak_steps && ladder(step + 1) <= peak) ++step;
  return step;
}

[[noreturn]] void refuse() {
  throw Error(Error::Kind::bad_input, "no peak gives so few false positives on the validation studies");
}

}  // namespace

LesionRuleChoice::LesionRuleChoice(double minimum_volume_mm3) : minimum_volume_mm3_(minimum_volume_mm3) {
  for (int step = 0; step <= threshold_steps; step += steps_per_threshold)
    rungs_.push_back({ladder(step), std::vector<Step>(peak_steps + 1)});
}

LesionRuleChoice::Step& LesionRuleChoice::Step::operator+=(const Step& other) {
  false_positives += other.false_positives;
  voxels += other.voxels;
  hits += other.hits;
  return *this;
}

void LesionRuleChoice::add(const torch::Tensor& probability, const Study& study) {
  ++added_;
  truth_voxels_ += static_cast<double>(study.truth.ne(0).sum().item<std::int64_t>());
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  for (Rung& rung : rungs_)
    for (const Component& component : components_of(probability, study.truth, rung.threshold)) {
      const bool is_false = component.hits == 0 && component.voxels * voxel_mm3 >= minimum_volume_mm3_;
      rung.by_peak[static_cast<std::size_t>(step_of(component.peak))] +=
          {is_false ? 1 : 0, component.voxels, component.hits};
    }
}

void LesionRuleChoice::add(const LesionRuleChoice& other) {
  added_ += other.added_;
  truth_voxels_ += other.truth_voxels_;
  for (std::size_t r = 0; r < rungs_.size(); ++r)
    for (std::size_t s = 0; s < rungs_[r].by_peak.size(); ++s)
      rungs_[r].by_peak[s] += other.rungs_[r].by_peak[s];
}

std::optional<LesionRuleChoice::Pair> LesionRuleChoice::lowest_peak(const Rung& rung,
                                                                    double false_positives) const {
  int step = peak_steps + 1;
  Step sum;
  while (step > 0) {
    Step next = sum;
    next += rung.by_peak[static_cast<std::size_t>(step - 1)];
    if (next.false_positives > false_positives * added_) break;
    sum = next;
    --step;
  }
  if (step > peak_steps) return std::nullopt;
  return Pair{std::max(rung.threshold, ladder(step)),
              2 * sum.hits / std::max(1.0, sum.voxels + truth_voxels_)};
}

LesionRule LesionRuleChoice::with_false_positives(double false_positives) const {
  if (added_ == 0) throw Error(Error::Kind::bad_input, "there is no study to choose a threshold on");
  LesionRule best;
  double best_dice = -1;
  for (const Rung& rung : rungs_) {
    const std::optional<Pair> pair = lowest_peak(rung, false_positives);
    if (!pair || pair->dice <= best_dice) continue;
    best_dice = pair->dice;
    best = {rung.threshold, pair->peak, minimum_volume_mm3_};
  }
  if (best_dice < 0) refuse();
  return best;
}

double LesionRuleChoice::peak_with_false_positives(double false_positives, double threshold) const {
  const auto nearest = std::min_element(rungs_.begin(), rungs_.end(), [&](const Rung& a, const Rung& b) {
    return std::abs(a.threshold - threshold) < std::abs(b.threshold - threshold);
  });
  const std::optional<Pair> pair = lowest_peak(*nearest, false_positives);
  if (!pair) refuse();
  return pair->peak;
}

}  // namespace metserve::models
