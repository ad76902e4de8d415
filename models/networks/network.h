#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/nn/module.h>
#include <torch/types.h>

#include "models/networks/network_config.h"
#include "models/slots.h"

namespace metserve::models {

/// What every network of the papers has in common: stacked slices in, logits of the centre slice out, and the
/// handling of absent sequences.
class NetworkModule : public torch::nn::Module {
 public:
  /// `x`: [N, slots * slices, H, W] float32, channels sequence-major (all slices of a sequence together); H
  /// and W multiples of 16. `kept`: for each of N the sequences that are there; the others are not looked at.
  /// With `config().dropout` they are zeroed and the rest multiplied by 4/n at the level where the network
  /// joins the sequences; without it they are zero at the input. Returns logits [N, 1, H, W] float32 of the
  /// centre slice. Throws Error(bad_input) on an empty set or sizes that do not fit.
  torch::Tensor forward(const torch::Tensor& x, const std::vector<SlotSet>& kept);

  /// Sum of squared differences between each tied weight and the mean of its copies (Yi 2019), a scalar;
  /// undefined where nothing is tied.
  virtual torch::Tensor tie_penalty() const { return {}; }

  /// Adds `value` to every logit that the network will give.
  virtual void add_to_logits(double value) = 0;

  const NetworkConfig& config() const { return config_; }

 protected:
  /// Throws Error(bad_input) when `config` names something unknown or out of range.
  explicit NetworkModule(const NetworkConfig& config);

  /// Makes the parts of `whole` this network's own, so that their names carry no prefix.
  void adopt(const torch::nn::Module& whole);

  /// `kept` is empty when no sequence is to be dropped at the join.
  virtual torch::Tensor run(const torch::Tensor& x, const std::vector<SlotSet>& kept) = 0;

 private:
  NetworkConfig config_;
};

using Network = std::shared_ptr<NetworkModule>;

/// Builds the network with random weights (LibTorch's generator). Throws Error(bad_input) when `config` names
/// something unknown or out of range.
Network make_network(const NetworkConfig& config);

/// Trainable values of the network.
std::int64_t parameter_count(const torch::nn::Module& network);

}  // namespace metserve::models
