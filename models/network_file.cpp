#include "models/network_file.h"

#include <array>
#include <string_view>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "models/error.h"
#include "models/precision.h"
#include "models/safetensors.h"

namespace metserve::models {
namespace {

constexpr const char* config_key = "network";

std::string shape_text(const torch::Tensor& tensor) {
  return nlohmann::json(tensor.sizes().vec()).dump();
}

std::string without_prefix(std::string_view key) {
  for (bool again = true; again;) {
    again = false;
    for (std::string_view prefix : {"module.", "model."})
      if (key.starts_with(prefix)) {
        key.remove_prefix(prefix.size());
        again = true;
      }
  }
  return std::string(key);
}

bool is_running_statistic(const std::string& key) {
  return key.ends_with("running_mean") || key.ends_with("running_var");
}

}  // namespace

std::string to_json(const NetworkConfig& c) {
  return nlohmann::json{
      {"network", c.network}, {"backbone", c.backbone},           {"output_stride", c.output_stride},
      {"width", c.width},     {"aspp_channels", c.aspp_channels}, {"slots", c.slots},
      {"slices", c.slices}}
      .dump();
}

NetworkConfig network_config_from_json(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    NetworkConfig c;
    json.at("network").get_to(c.network);
    json.at("backbone").get_to(c.backbone);
    json.at("output_stride").get_to(c.output_stride);
    json.at("width").get_to(c.width);
    json.at("aspp_channels").get_to(c.aspp_channels);
    json.at("slots").get_to(c.slots);
    json.at("slices").get_to(c.slices);
    if (json.size() != 7)
      throw Error(Error::Kind::bad_input, "the network's configuration has an unknown key");
    return c;
  } catch (const nlohmann::json::exception& error) {
    throw Error(Error::Kind::bad_input,
                std::string("the network's configuration cannot be read: ") + error.what());
  }
}

std::map<std::string, torch::Tensor> state_of(const torch::nn::Module& network) {
  std::map<std::string, torch::Tensor> state;
  for (const auto& entry : network.named_parameters()) state[entry.key()] = entry.value().detach();
  for (const auto& entry : network.named_buffers()) state[entry.key()] = entry.value();
  return state;
}

void load_state(torch::nn::Module& network, const std::map<std::string, torch::Tensor>& state) {
  torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> wanted = state_of(network);
  for (const auto& [raw_key, value] : state) {
    const std::string key = without_prefix(raw_key);
    if (key.starts_with("aux_classifier.")) continue;
    const auto found = wanted.find(key);
    if (found == wanted.end())
      throw Error(Error::Kind::bad_input,
                  "the weights hold '" + raw_key + "', which the network does not have");
    if (found->second.sizes() != value.sizes())
      throw Error(Error::Kind::bad_input, "'" + raw_key + "' has the shape " + shape_text(value) +
                                              ", the network needs " + shape_text(found->second));
    found->second.copy_(value);
    wanted.erase(found);
  }
  if (!wanted.empty())
    throw Error(Error::Kind::bad_input, "the weights lack '" + wanted.begin()->first + "'");
}

void save_network(const DeepLabV3& network, std::map<std::string, std::string> metadata, bool half,
                  const std::filesystem::path& file) {
  Safetensors contents;
  contents.metadata = std::move(metadata);
  contents.metadata[config_key] = to_json(network->config());
  contents.tensors = state_of(*network);
  if (half)
    for (auto& [key, tensor] : contents.tensors)
      if (tensor.is_floating_point() && !is_running_statistic(key)) tensor = tensor.to(torch::kFloat16);
  write_safetensors(contents, file);
}

DeepLabV3 load_network(const std::filesystem::path& file) {
  const Safetensors contents = read_safetensors(file);
  try {
    DeepLabV3 network(network_config_from_json(contents.meta(config_key)));
    load_state(*network, contents.tensors);
    to_channels_last(*network);
    network->eval();
    return network;
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  }
}

}  // namespace metserve::models
