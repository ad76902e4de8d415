#include "models/networks/network_file.h"

#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "models/error.h"
#include "models/precision.h"
#include "models/safetensors.h"
#include "models/slot_list.h"

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
  nlohmann::json json{
      {"network", c.network}, {"backbone", c.backbone},           {"output_stride", c.output_stride},
      {"width", c.width},     {"aspp_channels", c.aspp_channels}, {"slots", c.slots},
      {"slices", c.slices}};
  const NetworkConfig usual;
  if (c.dropout != usual.dropout) json["dropout"] = c.dropout;
  if (c.dropout_level != usual.dropout_level) json["dropout_level"] = c.dropout_level;
  if (c.end_join != usual.end_join) json["end_join"] = c.end_join;
  if (c.difference_alone != usual.difference_alone) json["difference_alone"] = c.difference_alone;
  if (c.subset != usual.subset) json["subset"] = ids(c.subset);
  return json.dump();
}

NetworkConfig network_config_from_json(const std::string& text) {
  try {
    auto json = nlohmann::json::parse(text);
    NetworkConfig c;
    const auto take = [&json](const char* key, auto& value) {
      json.at(key).get_to(value);
      json.erase(key);
    };
    const auto take_optional = [&](const char* key, auto& value) {
      if (json.contains(key)) take(key, value);
    };
    take("network", c.network);
    take("backbone", c.backbone);
    take("output_stride", c.output_stride);
    take("width", c.width);
    take("aspp_channels", c.aspp_channels);
    take("slots", c.slots);
    take("slices", c.slices);
    take_optional("dropout", c.dropout);
    take_optional("dropout_level", c.dropout_level);
    take_optional("end_join", c.end_join);
    take_optional("difference_alone", c.difference_alone);
    std::vector<std::string> subset = ids(c.subset);
    take_optional("subset", subset);
    c.subset = slots_from_ids(subset);
    if (!json.empty())
      throw Error(Error::Kind::bad_input,
                  "the network's configuration has the unknown key '" + json.begin().key() + "'");
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

void save_network(const Network& network, std::map<std::string, std::string> metadata, bool half,
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

std::string title_of_weights(const std::filesystem::path& file) {
  const auto metadata = read_safetensors(file).metadata;
  const auto held = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  const std::string name = held("name"), before = held(started_from_key), parts = held(mean_of_key);
  const std::string title = name.empty() ? file.filename().string() : name + " " + held("version");
  if (!parts.empty()) return title + ", the mean of " + parts;
  return before.empty() ? title : title + ", on from " + before;
}

Network load_network(const std::filesystem::path& file) {
  const Safetensors contents = read_safetensors(file);
  if (!contents.metadata.contains(config_key))
    throw Error(Error::Kind::bad_input,
                file.string() +
                    ": does not say what network it is of: metserve-models import brings in weights of "
                    "another program");
  try {
    const Network network = make_network(network_config_from_json(contents.meta(config_key)));
    load_state(*network, contents.tensors);
    to_channels_last(*network);
    network->eval();
    return network;
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  }
}

}  // namespace metserve::models
