#include "models/networks/input.h"

#include <torch/nn.h>

#include "models/input_dropout.h"

namespace metserve::models {

InputNetwork::InputNetwork(const NetworkConfig& config)
    : NetworkModule(config), network_(config, config.slots * config.slices) {
  adopt(*network_);
}

torch::Tensor InputNetwork::run(const torch::Tensor& x, const std::vector<SlotSet>& kept) {
  return network_(kept.empty() ? x : keep_sequences(x, kept, Scaling::by_share));
}

void InputNetwork::add_to_logits(double value) {
  network_->add_to_logits(value);
}

}  // namespace metserve::models
