#pragma once

#include <cstdint>

#include <torch/nn/modules/container/sequential.h>
#include <torch/types.h>

#include "models/networks/network_config.h"
#include "models/networks/resnet.h"

namespace metserve::models {

/// The head of DeepLabV3 (Chen 2017, arXiv 1706.05587): atrous spatial pyramid pooling, 3x3 convolution, 1x1
/// convolution to one channel of logits. Module names are torchvision's.
/// In: [N, in_channels, h, w]; out: [N, 1, h, w].
torch::nn::Sequential deeplab_head(const NetworkConfig& config, std::int64_t in_channels);

/// Bilinear, to the rows and columns of `like`; float32.
torch::Tensor upsampled(const torch::Tensor& logits, const torch::Tensor& like);

/// Adds `value` to the bias of the head's last convolution.
void add_to_bias(torch::nn::Sequential& head, double value);

/// A whole DeepLabV3 on `in_channels` channels, as the end-level networks have one per sequence.
class DeepLabV3Impl : public torch::nn::Module {
 public:
  DeepLabV3Impl(const NetworkConfig& config, std::int64_t in_channels);

  /// `x`: [N, in_channels, H, W]. Returns logits [N, 1, H, W] float32.
  torch::Tensor forward(const torch::Tensor& x);
  void add_to_logits(double value);

 private:
  ResNet backbone_;
  torch::nn::Sequential classifier_;
};
TORCH_MODULE(DeepLabV3);

}  // namespace metserve::models
