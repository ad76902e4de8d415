#pragma once

#include <filesystem>
#include <string>

#include <torch/optim/adam.h>

#include "models/networks/network.h"
#include "models/training_settings.h"

namespace metserve::models {

struct CheckpointState {
  int step = 0;                ///< steps done
  double best_score = -1;      ///< of the validations so far
  std::string started_from{};  ///< title of the weights that the run began with; empty: random ones
};

/// Weights, Adam's state, the counters and the settings of the run in one file, replaced atomically. Throws
/// Error(io).
void write_checkpoint(const CheckpointState& state, const TrainingSettings& settings,
                      const NetworkModule& network, const torch::optim::Adam& adam,
                      const std::filesystem::path& file);

/// Restores network and optimiser in place. Throws Error(bad_input) when the file is of another network
/// or of other settings.
CheckpointState read_checkpoint(const std::filesystem::path& file, const TrainingSettings& settings,
                                NetworkModule& network, torch::optim::Adam& adam);

}  // namespace metserve::models
