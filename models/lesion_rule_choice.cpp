#include "models/lesion_rule_choice.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "models/components.h"
#include "models/error.h"

namespace metserve::models {
namespace {

constexpr double lowest_log_odds = -2, peak_step = 0.25;
constexpr int peak_steps = 48;       // to log-odds of 10: 0.12 to 0.99995
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

}  // namespace

LesionRuleChoice::LesionRuleChoice(double minimum_volume_mm3) : minimum_volume_mm3_(minimum_volume_mm3) {
  for (int step = 0; step <= threshold_steps; step += steps_per_threshold)
    rungs_.push_back({ladder(step), std::vector<Step>(peak_steps + 1)});
}

void LesionRuleChoice::add(const torch::Tensor& probability, const Study& study) {
  ++added_;
  truth_voxels_ += static_cast<double>(study.truth.ne(0).sum().item<std::int64_t>());
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  for (Rung& rung : rungs_)
    for (const Component& component : components_of(probability, study.truth, rung.threshold)) {
      Step& step = rung.by_peak[static_cast<std::size_t>(step_of(component.peak))];
      const bool is_false = component.hits == 0 && component.voxels * voxel_mm3 >= minimum_volume_mm3_;
      step.false_positives += is_false ? 1 : 0;
      step.voxels += component.voxels;
      step.hits += component.hits;
    }
}

LesionRule LesionRuleChoice::with_false_positives(double false_positives) const {
  if (added_ == 0) throw Error(Error::Kind::bad_input, "there is no study to choose a threshold on");
  std::optional<LesionRule> best;
  double best_dice = -1;
  for (const Rung& rung : rungs_) {
    int step = peak_steps + 1;
    Step sum;
    while (step > 0) {
      const Step& next = rung.by_peak[static_cast<std::size_t>(step - 1)];
      if (sum.false_positives + next.false_positives > false_positives * added_) break;
      sum = {sum.false_positives + next.false_positives, sum.voxels + next.voxels, sum.hits + next.hits};
      --step;
    }
    if (step > peak_steps) continue;
    const double dice = 2 * sum.hits / std::max(1.0, sum.voxels + truth_voxels_);
    if (dice <= best_dice) continue;
    best_dice = dice;
    best = LesionRule{rung.threshold, std::max(rung.threshold, ladder(step)), minimum_volume_mm3_};
  }
  if (!best)
    throw Error(Error::Kind::bad_input,
                "no threshold gives so few false positives on the validation studies");
  return *best;
}

}  // namespace metserve::models
