#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include "models/network_config.h"
#include "models/resnet.h"

namespace metserve::models {

/// DeepLabV3 (Chen 2017, arXiv 1706.05587) on the stacked slices of all sequences: ResNet, atrous spatial
/// pyramid pooling, head, bilinear upsampling. Parameter names are torchvision's, so weights go both ways.
class DeepLabV3Impl : public torch::nn::Module {
 public:
  /// Throws Error(bad_input) when `config` names something unknown or out of range.
  explicit DeepLabV3Impl(const NetworkConfig& config);

  /// `x`: [N, slots * slices, H, W] float32, channels sequence-major (all slices of a sequence together).
  /// Returns logits [N, 1, H, W] float32 of the centre slice.
  torch::Tensor forward(const torch::Tensor& x);

  const NetworkConfig& config() const { return config_; }

 private:
  NetworkConfig config_;
  ResNet backbone_{nullptr};
  torch::nn::Sequential classifier_{nullptr};
};
TORCH_MODULE(DeepLabV3);

/// Trainable values of the network.
std::int64_t parameter_count(const torch::nn::Module& network);

}  // namespace metserve::models
