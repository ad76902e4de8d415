#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <torch/types.h>

#include "models/safetensors.h"
#include "models/training.h"
#include "tests/unit/models/tiny_network.h"

namespace metserve::models {

/// A training of six steps that takes a second.
inline TrainingOptions tiny() {
  TrainingOptions options;
  options.network = tiny_network();
  options.network.output_stride = 4;
  options.sampler.crop = 32;
  options.sampler.batch = 2;
  options.steps = 6;
  options.interval = 3;
  options.checkpoint_interval = 1;
  options.threads = 1;
  options.precision = "float32";
  return options;
}

inline bool same_weights(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto first = read_safetensors(a).tensors, second = read_safetensors(b).tensors;
  if (first.size() != second.size()) return false;
  for (const auto& [key, tensor] : first)
    if (!torch::equal(tensor, second.at(key))) return false;
  return true;
}

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace metserve::models
