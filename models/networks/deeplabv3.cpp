#include "models/networks/deeplabv3.h"

#include <torch/nn.h>

#include "models/networks/atrous_convolution.h"

namespace metserve::models {
namespace {

namespace nn = torch::nn;
namespace fn = torch::nn::functional;

nn::Sequential conv1x1_bn_relu(std::int64_t in, std::int64_t out) {
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(in, out, 1).bias(false)), nn::BatchNorm2d(out),
                        nn::ReLU());
}

nn::Sequential atrous_bn_relu(std::int64_t in, std::int64_t out, std::int64_t rate) {
  return nn::Sequential(AtrousConv2d(in, out, rate), nn::BatchNorm2d(out), nn::ReLU());
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
    branches_->push_back(conv1x1_bn_relu(in, out));
    for (std::int64_t i = 1; i <= 3; ++i) branches_->push_back(atrous_bn_relu(in, out, i * smallest_rate));
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

}  // namespace

nn::Sequential deeplab_head(const NetworkConfig& config, std::int64_t in_channels) {
  const std::int64_t channels = config.aspp_channels;
  const std::int64_t smallest_rate = config.output_stride == 16 ? 6 : 12;
  return nn::Sequential(Aspp(in_channels, channels, smallest_rate),
                        nn::Conv2d(nn::Conv2dOptions(channels, channels, 3).padding(1).bias(false)),
                        nn::BatchNorm2d(channels), nn::ReLU(), nn::Conv2d(nn::Conv2dOptions(channels, 1, 1)));
}

torch::Tensor upsampled(const torch::Tensor& logits, const torch::Tensor& like) {
  return fn::interpolate(logits.to(torch::kFloat32),
                         fn::InterpolateFuncOptions()
                             .size(std::vector<std::int64_t>{like.size(2), like.size(3)})
                             .mode(torch::kBilinear)
                             .align_corners(false));
}

void add_to_bias(nn::Sequential& head, double value) {
  const torch::NoGradGuard no_grad;
  head->ptr(head->size() - 1)->as<nn::Conv2d>()->bias.add_(value);
}

DeepLabV3Impl::DeepLabV3Impl(const NetworkConfig& config, std::int64_t in_channels)
    : backbone_(register_module("backbone", ResNet(config, in_channels))),
      classifier_(register_module("classifier", deeplab_head(config, backbone_->out_channels()))) {}

torch::Tensor DeepLabV3Impl::forward(const torch::Tensor& x) {
  return upsampled(classifier_->forward(backbone_(x)), x);
}

void DeepLabV3Impl::add_to_logits(double value) {
  add_to_bias(classifier_, value);
}

}  // namespace metserve::models
