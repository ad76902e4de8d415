#include "models/replicas.h"

#include "models/networks/network_file.h"
#include "models/precision.h"

namespace metserve::models {

Replicas::Replicas(const Network& network, const std::vector<torch::Device>& further) : network_(network) {
  for (const torch::Device& device : further) {
    const Copy& copy = copies_.emplace_back(Copy{device, make_network(network->config())});
    to_channels_last(*copy.network);
    copy.network->to(device);
  }
  spread_weights();
}

torch::Tensor Replicas::forward(const torch::Tensor& x, const std::vector<SlotSet>& kept) {
  network_->train();
  if (copies_.empty()) return network_->forward(x, kept);
  std::vector<torch::Tensor> logits;
  auto first = kept.begin();
  for (const torch::Tensor& share : x.chunk(static_cast<std::int64_t>(copies_.size()) + 1)) {
    const std::vector<SlotSet> own(first, first + share.size(0));
    first += share.size(0);
    if (logits.empty()) {
      logits.push_back(network_->forward(share, own));
      continue;
    }
    const Copy& copy = copies_[logits.size() - 1];
    copy.network->train();
    logits.push_back(copy.network->forward(share.to(copy.device), own).to(x.device()));
  }
  return torch::cat(logits);
}

void Replicas::gather_gradients() {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> weights = network_->parameters();
  for (const Copy& copy : copies_) {
    const std::vector<torch::Tensor> copied = copy.network->parameters();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!copied[i].grad().defined()) continue;
      const torch::Tensor more = copied[i].grad().to(weights[i].device());
      torch::Tensor& sum = weights[i].mutable_grad();
      sum = sum.defined() ? sum + more : more;
    }
  }
}

void Replicas::forget_gradients() {
  for (const torch::Tensor& weight : network_->parameters()) weight.mutable_grad() = torch::Tensor();
  for (const Copy& copy : copies_)
    for (const torch::Tensor& weight : copy.network->parameters()) weight.mutable_grad() = torch::Tensor();
}

void Replicas::spread_weights() {
  for (const Copy& copy : copies_) load_state(*copy.network, state_of(*network_));
}

}  // namespace metserve::models
