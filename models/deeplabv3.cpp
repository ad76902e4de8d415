#include "models/deeplabv3.h"

#include <array>

#include <torch/torch.h>

#include "models/error.h"

namespace metserve::models {
namespace {

namespace nn = torch::nn;
namespace fn = torch::nn::functional;

nn::Sequential conv_bn_relu(std::int64_t in, std::int64_t out, std::int64_t rate) {
  const auto options =
      rate == 0 ? nn::Conv2dOptions(in, out, 1) : nn::Conv2dOptions(in, out, 3).padding(rate).dilation(rate);
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(options).bias(false)), nn::BatchNorm2d(out), nn::ReLU());
}

nn::Sequential image_pooling(std::int64_t in, std::int64_t out) {
  return nn::Sequential(nn::AdaptiveAvgPool2d(1), nn::Conv2d(nn::Conv2dOptions(in, out, 1).bias(false)),
                        nn::BatchNorm2d(out), nn::ReLU());
}

/// Atrous spatial pyramid pooling: 1x1, three dilated 3x3, image pooling, joined and projected.
class AsppImpl : public nn::Module {
 public:
  AsppImpl(std::int64_t in, std::int64_t out, std::int64_t smallest_rate) {
    branches_ = register_module("convs", nn::ModuleList());
    branches_->push_back(conv_bn_relu(in, out, 0));
    for (std::int64_t i = 1; i <= 3; ++i) branches_->push_back(conv_bn_relu(in, out, i * smallest_rate));
    branches_->push_back(image_pooling(in, out));
    project_ =
        register_module("project", nn::Sequential(nn::Conv2d(nn::Conv2dOptions(5 * out, out, 1).bias(false)),
                                                  nn::BatchNorm2d(out), nn::ReLU(), nn::Dropout(0.5)));
  }

  torch::Tensor forward(const torch::Tensor& x) {
    std::vector<torch::Tensor> features;
    for (const auto& branch : *branches_) features.push_back(branch->as<nn::Sequential>()->forward(x));
    features.back() = features.back().expand({-1, -1, x.size(2), x.size(3)});
    return project_->forward(torch::cat(features, 1));
  }

 private:
  nn::ModuleList branches_{nullptr};
  nn::Sequential project_{nullptr};
};
TORCH_MODULE(Aspp);

void check(const NetworkConfig& config) {
  const auto refuse = [](const std::string& what) { throw Error(Error::Kind::bad_input, what); };
  if (config.network != "input") refuse("network '" + config.network + "' is unknown: use input");
  if (config.width < 1 || config.width > 1024) refuse("width must be in 1..1024");
  if (config.aspp_channels < 1 || config.aspp_channels > 4096) refuse("aspp_channels must be in 1..4096");
  if (config.slots < 1 || config.slots > 16) refuse("slots must be in 1..16");
  if (config.slices < 1 || config.slices > 63 || config.slices % 2 == 0)
    refuse("slices must be odd, in 1..63");
}

}  // namespace

DeepLabV3Impl::DeepLabV3Impl(const NetworkConfig& config) : config_(config) {
  check(config);
  backbone_ = register_module("backbone", ResNet(config));
  const std::int64_t channels = config.aspp_channels;
  const std::int64_t smallest_rate = config.output_stride == 16 ? 6 : 12;
  classifier_ = register_module(
      "classifier",
      nn::Sequential(Aspp(backbone_->out_channels(), channels, smallest_rate),
                     nn::Conv2d(nn::Conv2dOptions(channels, channels, 3).padding(1).bias(false)),
                     nn::BatchNorm2d(channels), nn::ReLU(), nn::Conv2d(nn::Conv2dOptions(channels, 1, 1))));
}

torch::Tensor DeepLabV3Impl::forward(const torch::Tensor& x) {
  const torch::Tensor features = backbone_(x);
  const torch::Tensor logits = classifier_->forward(features).to(torch::kFloat32);
  return fn::interpolate(logits, fn::InterpolateFuncOptions()
                                     .size(std::vector<std::int64_t>{x.size(2), x.size(3)})
                                     .mode(torch::kBilinear)
                                     .align_corners(false));
}

std::int64_t parameter_count(const torch::nn::Module& network) {
  std::int64_t count = 0;
  for (const auto& parameter : network.parameters()) count += parameter.numel();
  return count;
}

}  // namespace metserve::models
