#pragma once

#include <filesystem>

#include <torch/optim/adam.h>

#include "models/networks/network.h"

namespace metserve::models {

struct CheckpointState {
  int step = 0;            ///< steps done
  double best_score = -1;  ///< of the validations so far
};

/// Weights, Adam's state and the counters in one file, replaced atomically. Throws Error(io).
void write_checkpoint(const CheckpointState& state, const NetworkModule& network,
                      const torch::optim::Adam& adam, const std::filesystem::path& file);

/// Restores network and optimiser in place. Throws Error(bad_input) when the file is of another network.
CheckpointState read_checkpoint(const std::filesystem::path& file, NetworkModule& network,
                                torch::optim::Adam& adam);

}  // namespace metserve::models
