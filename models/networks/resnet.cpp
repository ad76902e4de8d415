#include "models/networks/resnet.h"

#include <map>
#include <utility>

#include <torch/types.h>

#include "models/error.h"
#include "models/networks/atrous_convolution.h"

namespace metserve::models {
namespace {

namespace nn = torch::nn;

/// Of one that is dilated the stride is 1.
nn::AnyModule conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t dilation) {
  if (dilation > 1) return nn::AnyModule(AtrousConv2d(in, out, dilation));
  return nn::AnyModule(nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)));
}

nn::Conv2d conv1x1(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 1).stride(stride).bias(false));
}

struct BlockShape {
  std::int64_t in;
  std::int64_t planes;
  std::int64_t out;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
};

/// The block's shortcut: null where the input already has the output's shape.
nn::Sequential shortcut(nn::Module& block, const BlockShape& shape) {
  if (shape.stride == 1 && shape.in == shape.out) return nullptr;
  return block.register_module(
      "downsample", nn::Sequential(conv1x1(shape.in, shape.out, shape.stride), nn::BatchNorm2d(shape.out)));
}

/// ResNet-18 and -34 have two 3x3 convolutions in a block (torchvision's refuse dilation; here it goes to
/// both); ResNet-50 and -101 a bottleneck, with the stride in the 3x3 convolution as torchvision has it.
class BlockImpl : public nn::Module {
 public:
  BlockImpl(const BlockShape& s, bool bottleneck) {
    if (bottleneck) {
      add(nn::AnyModule(conv1x1(s.in, s.planes, 1)), s.planes);
      add(conv3x3(s.planes, s.planes, s.stride, s.dilation), s.planes);
      add(nn::AnyModule(conv1x1(s.planes, s.out, 1)), s.out);
    } else {
      add(conv3x3(s.in, s.planes, s.stride, s.dilation), s.planes);
      add(conv3x3(s.planes, s.out, 1, s.dilation), s.out);
    }
    downsample_ = shortcut(*this, s);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = x;
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
      y = norms_[i](convolutions_[i].forward(y));
      if (i + 1 < convolutions_.size()) y.relu_();
    }
    y += downsample_.is_empty() ? x : downsample_->forward(x);
    return y.relu_();
  }

 private:
  void add(nn::AnyModule convolution, std::int64_t channels) {
    const std::string number = std::to_string(convolutions_.size() + 1);
    register_module("conv" + number, convolution.ptr());
    convolutions_.push_back(std::move(convolution));
    norms_.push_back(register_module("bn" + number, nn::BatchNorm2d(channels)));
  }

  std::vector<nn::AnyModule> convolutions_;
  std::vector<nn::BatchNorm2d> norms_;
  nn::Sequential downsample_{nullptr};
};
TORCH_MODULE(Block);

struct Depth {
  bool bottleneck;
  std::vector<int> blocks;
};

Depth depth_of(const std::string& backbone) {
  static const std::map<std::string, Depth> depths{{"resnet18", {false, {2, 2, 2, 2}}},
                                                   {"resnet34", {false, {3, 4, 6, 3}}},
                                                   {"resnet50", {true, {3, 4, 6, 3}}},
                                                   {"resnet101", {true, {3, 4, 23, 3}}}};
  const auto found = depths.find(backbone);
  if (found == depths.end())
    throw Error(Error::Kind::bad_input,
                "backbone '" + backbone + "' is unknown: use resnet18, resnet34, resnet50 or resnet101");
  return found->second;
}

}  // namespace

ResNetImpl::ResNetImpl(const NetworkConfig& config, std::int64_t in_channels) {
  const Depth depth = depth_of(config.backbone);
  if (config.output_stride != 4 && config.output_stride != 8 && config.output_stride != 16)
    throw Error(Error::Kind::bad_input,
                "output_stride is " + std::to_string(config.output_stride) + ": use 4, 8 or 16");
  bottleneck_ = depth.bottleneck;
  max_pool_ = config.output_stride != 4;
  channels_ = config.width;
  conv1_ = register_module(
      "conv1", nn::Conv2d(nn::Conv2dOptions(in_channels, channels_, 7).stride(2).padding(3).bias(false)));
  bn1_ = register_module("bn1", nn::BatchNorm2d(channels_));
  const std::int64_t width = config.width;
  stages_ = {make_stage(width, depth.blocks[0], 1, false), make_stage(2 * width, depth.blocks[1], 2, false),
             make_stage(4 * width, depth.blocks[2], 2, config.output_stride <= 8),
             make_stage(8 * width, depth.blocks[3], 2, true)};
  for (std::size_t i = 0; i < stages_.size(); ++i)
    register_module("layer" + std::to_string(i + 1), stages_[i]);
  for (const auto& module : modules(false))
    if (const auto* conv = module->as<nn::Conv2d>())
      nn::init::kaiming_normal_(conv->weight, 0.0, torch::kFanOut, torch::kReLU);
}

torch::nn::Sequential ResNetImpl::make_stage(std::int64_t planes, int blocks, int stride, bool dilate) {
  const std::int64_t first_dilation = dilation_;
  if (dilate) {
    dilation_ *= stride;
    stride = 1;
  }
  const std::int64_t out = bottleneck_ ? 4 * planes : planes;
  nn::Sequential stage;
  for (int i = 0; i < blocks; ++i) {
    const BlockShape shape{channels_, planes, out, i == 0 ? stride : 1, i == 0 ? first_dilation : dilation_};
    stage->push_back(Block(shape, bottleneck_));
    channels_ = out;
  }
  return stage;
}

torch::Tensor ResNetImpl::forward(torch::Tensor x) {
  x = bn1_(conv1_(x)).relu_();
  if (max_pool_) x = torch::max_pool2d(x, 3, 2, 1);
  for (auto& stage : stages_) x = stage->forward(x);
  return x;
}

}  // namespace metserve::models
