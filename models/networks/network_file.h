#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <torch/types.h>

#include "models/networks/network.h"
#include "models/networks/network_config.h"

namespace metserve::models {

std::string to_json(const NetworkConfig& config);
/// Throws Error(bad_input) when a key is missing, unknown or of a wrong type.
NetworkConfig network_config_from_json(const std::string& text);

/// Parameters and buffers by their dotted names, as PyTorch's state_dict has them.
std::map<std::string, torch::Tensor> state_of(const torch::nn::Module& network);

/// Copies `state` into the network, converting to its dtypes. Prefixes `module.` and `model.` are ignored,
/// and so are the keys of an auxiliary classifier. Throws Error(bad_input) that names the first key that is
/// missing, unknown or of another shape.
void load_state(torch::nn::Module& network, const std::map<std::string, torch::Tensor>& state);

/// Writes weights with the network's configuration in the metadata (`network`). `half`: floating-point values
/// as float16, for packages; batch normalisation's running statistics stay float32.
void save_network(const Network& network, std::map<std::string, std::string> metadata, bool half,
                  const std::filesystem::path& file);

/// What weights are called in those that come of them, and in their package's training data: name and version
/// of a package, else the file's name, and what they come of themselves.
std::string title_of_weights(const std::filesystem::path& file);

/// Of the metadata of weights: the title of those that they were trained on from.
inline constexpr const char* started_from_key = "started_from";
/// Of the metadata of averaged weights: the titles of those that they are the mean of.
inline constexpr const char* mean_of_key = "mean_of";

/// A network as `save_network` wrote it, in evaluation mode, channels-last, on the CPU.
Network load_network(const std::filesystem::path& file);

}  // namespace metserve::models
