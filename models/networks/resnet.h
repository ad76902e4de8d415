#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include "models/networks/network_config.h"

namespace metserve::models {

/// The trunk of DeepLabV3: a ResNet (He 2016) without its classifier, with dilation in place of stride where
/// the output stride asks for it. Parameter names and the dilation rule are torchvision's: the first block of
/// a dilated stage keeps the dilation of the stage before.
class ResNetImpl : public torch::nn::Module {
 public:
  /// Throws Error(bad_input) on an unknown backbone or output stride.
  ResNetImpl(const NetworkConfig& config, std::int64_t in_channels);

  /// `x`: [N, in_channels, H, W]. Returns [N, out_channels(), H / stride, W / stride].
  torch::Tensor forward(torch::Tensor x);
  std::int64_t out_channels() const { return channels_; }

 private:
  torch::nn::Sequential make_stage(std::int64_t planes, int blocks, int stride, bool dilate);

  bool bottleneck_ = false;
  bool max_pool_ = true;
  std::int64_t channels_ = 0;  ///< that the next stage receives
  std::int64_t dilation_ = 1;  ///< that the next stage starts with
  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  std::vector<torch::nn::Sequential> stages_;
};
TORCH_MODULE(ResNet);

}  // namespace metserve::models
