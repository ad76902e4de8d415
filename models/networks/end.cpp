#include "models/networks/end.h"

#include <torch/nn.h>

#include "models/networks/per_sequence.h"

namespace metserve::models {

EndNetwork::EndNetwork(const NetworkConfig& config) : NetworkModule(config) {
  if (config.network == "end-shared") {
    networks_.emplace_back(config, config.slices);
    adopt(*networks_.front());
    return;
  }
  const auto list = register_module("networks", torch::nn::ModuleList());
  for (int i = 0; i < config.slots; ++i) {
    networks_.emplace_back(config, config.slices);
    list->push_back(networks_.back());
  }
  if (config.network == "end-l2") start_alike(copies_of(networks_));
}

torch::Tensor EndNetwork::run(const torch::Tensor& x, const std::vector<SlotSet>& kept) {
  const torch::Tensor logits = join_sequences(x, kept, {networks_.begin(), networks_.end()});
  return config().end_join == "sum" ? logits.sum(1, true) : logits.mean(1, true);
}

torch::Tensor EndNetwork::tie_penalty() const {
  if (config().network != "end-l2") return {};
  return spread_of_copies(copies_of(networks_));
}

void EndNetwork::add_to_logits(double value) {
  const double each = config().end_join == "sum" ? value / config().slots : value;
  for (DeepLabV3& network : networks_) network->add_to_logits(each);
}

}  // namespace metserve::models
