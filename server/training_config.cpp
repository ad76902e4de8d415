#include "server/training_config.h"

#include "models/error.h"
#include "models/slot_list.h"
#include "server/config_reader.h"

namespace metserve::server {
namespace {

constexpr std::int64_t many = 1'000'000'000;

void real(ConfigSection& section, const char* key, double& value, double low, double high) {
  if (const auto number = section.real_number(key, low, high)) value = *number;
}

/// The list may be absent: all sequences.
void read_subset(ConfigSection& section, models::SlotSet& subset) {
  std::vector<std::pair<std::string, models::Slot>> valid;
  for (models::Slot slot : models::all_slots) valid.emplace_back(models::id(slot), slot);
  std::vector<models::Slot> slots;
  section.choices("subset", slots, valid);
  if (slots.empty()) return;
  subset.reset();
  for (models::Slot slot : slots) subset.set(models::index(slot));
}

void read_network(ConfigSection section, models::NetworkConfig& network) {
  section.text("backbone", network.backbone);
  section.whole("output_stride", network.output_stride, 4, 16);
  section.whole("width", network.width, 8, 256);
  section.whole("aspp_channels", network.aspp_channels, 8, 1024);
  section.whole("slices", network.slices, 1, 15);
  section.choice<std::string>("dropout_level", network.dropout_level, {{"join", "join"}, {"input", "input"}});
  section.choice<std::string>("end_join", network.end_join, {{"mean", "mean"}, {"sum", "sum"}});
  section.flag("difference_alone", network.difference_alone);
  read_subset(section, network.subset);
  section.finish();
}

void read_sampler(ConfigSection section, models::SamplerOptions& sampler) {
  section.whole("crop", sampler.crop, 32, 256);
  section.whole("batch", sampler.batch, 2, 4096);  // batch normalisation needs two
  real(section, "lesion_share", sampler.lesion_share, 0, 1);
  real(section, "small_lesion_bias", sampler.small_lesion_bias, 0, 1);
  section.flag("by_slice", sampler.by_slice);
  real(section, "oversampling", sampler.oversampling, 0, 1000);
  real(section, "scale_jitter", sampler.scale_jitter, 0, 0.5);
  real(section, "gamma_jitter", sampler.gamma_jitter, 0, 1);
  section.flag("upright", sampler.upright);
  section.finish();
}

void read_validation_subsets(ConfigSection& section, std::vector<models::SlotSet>& subsets) {
  std::string words;
  section.text("validation_subsets", words);
  if (words.empty()) return;
  try {
    subsets = models::subsets_named(words);
  } catch (const models::Error& error) {
    section.problem("validation_subsets", error.what());
  }
}

void read_options(const YAML::Node& root, models::TrainingOptions& options, Problems& problems) {
  ConfigSection top(root, "", problems);
  read_network(top.section("network"), options.network);
  read_sampler(top.section("sampler"), options.sampler);
  top.whole("steps", options.steps, 1, many);
  real(top, "learning_rate", options.learning_rate, 1e-9, 1);
  real(top, "decay_power", options.decay_power, 0, 10);
  top.whole("warmup_steps", options.warmup_steps, 0, many);
  real(top, "weight_decay", options.weight_decay, 0, 1);
  real(top, "positive_weight", options.positive_weight, 1e-6, 1e6);
  real(top, "hard_pixel_share", options.hard_pixel_share, 1e-6, 1);
  real(top, "dice_weight", options.dice_weight, 0, 1000);
  real(top, "tie_weight", options.tie_weight, 0, 1000);
  real(top, "dropout", options.dropout, 0, 0.99);
  read_validation_subsets(top, options.validation_subsets);
  top.whole("validation_stride", options.validation_stride, 1, 1000);
  top.whole("interval", options.interval, 1, many);
  top.whole("checkpoint_interval", options.checkpoint_interval, 1, many);
  top.whole("seed", options.seed, 0, many);
  top.whole("workers", options.workers, 0, 256);
  top.choice<std::string>("precision", options.precision,
                          {{"auto", "auto"}, {"float32", "float32"}, {"bfloat16", "bfloat16"}});
  top.finish();
}

}  // namespace

void parse_training_config(const std::string& text, const std::string& name,
                           models::TrainingOptions& options) {
  read_yaml(text, name,
            [&](const YAML::Node& root, Problems& problems) { read_options(root, options, problems); });
}

void read_training_config(const std::filesystem::path& file, models::TrainingOptions& options) {
  parse_training_config(text_of(file), file.string(), options);
}

}  // namespace metserve::server
