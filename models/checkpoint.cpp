#include "models/checkpoint.h"

#include <charconv>
#include <cstring>
#include <sstream>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "models/safetensors.h"

namespace metserve::models {
namespace {

constexpr const char* optimizer_key = "optimizer";
constexpr const char* network_key = "network";
constexpr const char* settings_key = "settings";

/// LibTorch's own archive of the optimiser, as bytes: its state has no stable names of its own.
torch::Tensor optimizer_bytes(const torch::optim::Adam& adam) {
  torch::serialize::OutputArchive archive;
  adam.save(archive);
  std::ostringstream stream;
  archive.save_to(stream);
  const std::string text = stream.str();
  torch::Tensor bytes = torch::empty({static_cast<std::int64_t>(text.size())}, torch::kUInt8);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}

void load_optimizer(const torch::Tensor& bytes, torch::optim::Adam& adam) {
  std::istringstream stream(
      std::string(static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(bytes.numel())));
  torch::serialize::InputArchive archive;
  archive.load_from(stream);
  adam.load(archive);
}

template <typename Number>
Number number_of(const Safetensors& contents, const std::string& key) {
  const std::string& text = contents.meta(key);
  Number value{};
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
    throw Error(Error::Kind::bad_input, "metadata '" + key + "' is not a number");
  return value;
}

}  // namespace

void write_checkpoint(const CheckpointState& state, const TrainingSettings& settings,
                      const NetworkModule& network, const torch::optim::Adam& adam,
                      const std::filesystem::path& file) {
  Safetensors contents;
  contents.tensors = state_of(network);
  contents.tensors[optimizer_key] = optimizer_bytes(adam);
  std::ostringstream score;
  score.precision(17);
  score << state.best_score;
  contents.metadata = {{"step", std::to_string(state.step)},
                       {"best_score", score.str()},
                       {started_from_key, state.started_from},
                       {network_key, to_json(network.config())},
                       {settings_key, nlohmann::json(settings).dump()}};
  write_safetensors(contents, file);
}

CheckpointState read_checkpoint(const std::filesystem::path& file, const TrainingSettings& settings,
                                NetworkModule& network, torch::optim::Adam& adam) {
  try {
    Safetensors contents = read_safetensors(file);
    if (const auto held = network_config_from_json(contents.meta(network_key)); held != network.config())
      throw Error(Error::Kind::bad_input, "is of " + describe(held) + ", and " + describe(network.config()) +
                                              " is to be trained: begin in another directory");
    require_same(nlohmann::json::parse(contents.meta(settings_key)).get<TrainingSettings>(), settings);
    const torch::Tensor bytes = contents.get(optimizer_key, torch::kUInt8, {-1});
    contents.tensors.erase(optimizer_key);
    load_state(network, contents.tensors);
    load_optimizer(bytes, adam);
    return {number_of<int>(contents, "step"), number_of<double>(contents, "best_score"),
            contents.metadata[started_from_key]};
  } catch (const nlohmann::json::exception&) {
    throw Error(Error::Kind::bad_input, file.string() + ": its metadata is not that of a checkpoint");
  } catch (const c10::Error&) {
    throw Error(Error::Kind::bad_input, file.string() + ": its optimiser state is not this network's");
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  }
}

}  // namespace metserve::models
