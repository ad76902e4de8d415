#include "models/training_settings.h"

#include <nlohmann/json.hpp>

#include "models/error.h"

namespace metserve::models {
namespace {

std::string names_of(const std::vector<Study>& studies) {
  std::string names;
  for (const Study& study : studies) names += study.name + '\n';
  return names;
}

std::string keys_of(const std::vector<SlotSet>& subsets) {
  std::string keys;
  for (const SlotSet subset : subsets) keys += (keys.empty() ? "" : ",") + key(subset);
  return keys;
}

/// A list of names is too long for a message.
std::string shown(const std::string& value) {
  return value.find('\n') == std::string::npos ? value : "others";
}

}  // namespace

TrainingSettings settings_of(const TrainingOptions& o, const std::vector<Study>& training,
                             const std::vector<Study>& validation) {
  const auto number = [](double value) { return nlohmann::json(value).dump(); };
  return {{"batch", std::to_string(o.sampler.batch)},
          {"by_slice", o.sampler.by_slice ? "true" : "false"},
          {"crop", std::to_string(o.sampler.crop)},
          {"decay_power", number(o.decay_power)},
          {"dice_weight", number(o.dice_weight)},
          {"dropout", number(o.dropout)},
          {"gamma_jitter", number(o.sampler.gamma_jitter)},
          {"hard_pixel_share", number(o.hard_pixel_share)},
          {"learning_rate", number(o.learning_rate)},
          {"lesion_share", number(o.sampler.lesion_share)},
          {"oversampling", number(o.sampler.oversampling)},
          {"positive_weight", number(o.positive_weight)},
          {"scale_jitter", number(o.sampler.scale_jitter)},
          {"seed", std::to_string(o.seed)},
          {"small_lesion_bias", number(o.sampler.small_lesion_bias)},
          {"studies to train on", names_of(training)},
          {"studies to validate on", names_of(validation)},
          {"tie_weight", number(o.tie_weight)},
          {"upright", o.sampler.upright ? "true" : "false"},
          {"validation_stride", std::to_string(o.validation_stride)},
          {"validation_subsets", keys_of(o.validation_subsets)},
          {"warmup_steps", std::to_string(o.warmup_steps)},
          {"weight_decay", number(o.weight_decay)}};
}

void require_same(const TrainingSettings& begun_with, const TrainingSettings& asked_for) {
  const TrainingSettings defaults = settings_of({}, {}, {});  // of what an older program did not have
  for (const auto& [name, value] : asked_for) {
    const auto before = begun_with.find(name);
    const std::string& old = before == begun_with.end() ? defaults.at(name) : before->second;
    if (old != value)
      throw Error(Error::Kind::bad_input, "was begun with " + name + " " + shown(old) + ", and " +
                                              shown(value) +
                                              " is asked for: go on with the same, or begin in another "
                                              "directory");
  }
}

}  // namespace metserve::models
