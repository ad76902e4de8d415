#include "models/networks/mid.h"

#include <torch/nn.h>

#include "models/networks/per_sequence.h"

namespace metserve::models {
namespace {

bool subtracts(const NetworkConfig& config) {
  return config.network == "mid-subtract";
}

/// How many sequences' worth of features the ASPP is given.
std::int64_t joined_sequences(const NetworkConfig& config) {
  if (!subtracts(config)) return config.slots;
  return config.difference_alone ? 1 : config.slots - 1;
}

/// [N, 4 * C, h, w] to [N, 3 * C, h, w]: BRAVO, CUBE post less CUBE pre, FLAIR; or the difference alone.
torch::Tensor with_difference(const torch::Tensor& features, bool alone) {
  const auto sequences = features.chunk(slot_count, 1);
  const torch::Tensor difference = sequences[index(Slot::t1_se_post)] - sequences[index(Slot::t1_se_pre)];
  if (alone) return difference;
  return torch::cat({sequences[index(Slot::t1_gre_post)], difference, sequences[index(Slot::flair)]}, 1);
}

}  // namespace

MidNetwork::MidNetwork(const NetworkConfig& config) : NetworkModule(config) {
  if (config.network == "mid-shared" || subtracts(config)) {
    trunks_.push_back(register_module("backbone", ResNet(config, config.slices)));
  } else {
    const auto list = register_module("backbones", torch::nn::ModuleList());
    for (int i = 0; i < config.slots; ++i) {
      trunks_.emplace_back(config, config.slices);
      list->push_back(trunks_.back());
    }
    if (config.network == "mid-l2") start_alike(copies_of(trunks_));
  }
  const std::int64_t channels = joined_sequences(config) * trunks_.front()->out_channels();
  classifier_ = register_module("classifier", deeplab_head(config, channels));
}

torch::Tensor MidNetwork::run(const torch::Tensor& x, const std::vector<SlotSet>& kept) {
  torch::Tensor features = join_sequences(x, kept, {trunks_.begin(), trunks_.end()});
  if (subtracts(config())) features = with_difference(features, config().difference_alone);
  return upsampled(classifier_->forward(features), x);
}

torch::Tensor MidNetwork::tie_penalty() const {
  if (config().network != "mid-l2") return {};
  return spread_of_copies(copies_of(trunks_));
}

void MidNetwork::add_to_logits(double value) {
  add_to_bias(classifier_, value);
}

}  // namespace metserve::models
