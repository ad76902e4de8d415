#include "models/networks/network.h"

#include <algorithm>

#include <torch/nn.h>

#include "models/error.h"
#include "models/input_dropout.h"
#include "models/networks/end.h"
#include "models/networks/googlenet.h"
#include "models/networks/input.h"
#include "models/networks/mid.h"

namespace metserve::models {
namespace {

void check(const NetworkConfig& c) {
  const auto refuse = [](const std::string& what) { throw Error(Error::Kind::bad_input, what); };
  const bool known = std::find(network_names.begin(), network_names.end(), c.network) != network_names.end();
  if (!known && !is_torchscript(c)) {
    std::string names;
    for (std::string_view name : network_names) names += (names.empty() ? "" : ", ") + std::string(name);
    refuse("network '" + c.network + "' is unknown: use one of " + names);
  }
  if (c.width < 1 || c.width > 1024) refuse("width must be in 1..1024");
  if (c.aspp_channels < 1 || c.aspp_channels > 4096) refuse("aspp_channels must be in 1..4096");
  if (c.slots != static_cast<int>(slot_count)) refuse("slots must be 4");
  if (c.slices < 1 || c.slices > 63 || c.slices % 2 == 0) refuse("slices must be odd, in 1..63");
  if (c.dropout_level != "join" && c.dropout_level != "input") refuse("dropout_level must be join or input");
  if (c.end_join != "mean" && c.end_join != "sum") refuse("end_join must be mean or sum");
  if (c.subset.none()) refuse("subset must name a sequence");
  if (c.network == "mid-subtract" && c.dropout)
    refuse("mid-subtract has no input dropout, it needs CUBE pre and post: train it with dropout 0");
  if ((needed_sequences(c) & ~c.subset).any())
    refuse("mid-subtract subtracts CUBE pre from CUBE post, its sequences are " + key(c.subset) +
           ": train it with t1_se_pre and t1_se_post, or take another network");
}

}  // namespace

NetworkModule::NetworkModule(const NetworkConfig& config) : config_(config) {
  check(config);
}

void NetworkModule::adopt(const torch::nn::Module& whole) {
  for (const auto& part : whole.named_children()) register_module(part.key(), part.value());
}

torch::Tensor NetworkModule::forward(const torch::Tensor& x, const std::vector<SlotSet>& kept) {
  if (!config_.dropout) return run(keep_sequences(x, kept, Scaling::none), {});
  if (config_.dropout_level == "input") return run(keep_sequences(x, kept, Scaling::by_share), {});
  return run(x, kept);
}

Network make_network(const NetworkConfig& config) {
  if (is_torchscript(config))
    throw Error(Error::Kind::bad_input,
                "a TorchScript module is served as it is, it cannot be made or trained");
  if (config.network.starts_with("mid-")) return std::make_shared<MidNetwork>(config);
  if (config.network.starts_with("end-")) return std::make_shared<EndNetwork>(config);
  if (config.network == "googlenet") return std::make_shared<GoogLeNet>(config);
  return std::make_shared<InputNetwork>(config);
}

std::int64_t parameter_count(const torch::nn::Module& network) {
  std::int64_t count = 0;
  for (const auto& parameter : network.parameters()) count += parameter.numel();
  return count;
}

std::string describe(const NetworkConfig& c) {
  std::string text = "GoogLeNet, width " + std::to_string(c.width);
  if (is_torchscript(c))
    text = "TorchScript module";
  else if (c.network != "googlenet")
    text = "DeepLabV3, " + c.network + ", " + c.backbone + ", output stride " +
           std::to_string(c.output_stride) + ", width " + std::to_string(c.width) + ", ASPP " +
           std::to_string(c.aspp_channels) + " channels";
  const NetworkConfig usual;
  if (c.slices != paper_slices(c.network)) text += ", " + std::to_string(c.slices) + " slices";
  if (!c.dropout) text += ", no input dropout";
  if (c.dropout_level != usual.dropout_level) text += ", dropout at the " + c.dropout_level;
  if (c.end_join != usual.end_join) text += ", joined by " + c.end_join;
  if (c.difference_alone) text += ", difference alone";
  if (c.subset != usual.subset) text += ", trained on " + key(c.subset);
  return text;
}

}  // namespace metserve::models
