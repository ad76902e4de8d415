#pragma once

#include <filesystem>

#include "models/training.h"

namespace metserve::server {

/// Reads the options of `train` from a YAML file over `options`; keys are those of models::TrainingOptions,
/// its network and its sampler (docs/configuration.md). Throws Error(bad_call) like load_config.
void read_training_config(const std::filesystem::path& file, models::TrainingOptions& options);

/// The same for text; `name` stands for the file in messages.
void parse_training_config(const std::string& text, const std::string& name,
                           models::TrainingOptions& options);

}  // namespace metserve::server
