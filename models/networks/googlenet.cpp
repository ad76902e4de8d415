#include "models/networks/googlenet.h"

#include <torch/nn.h>

#include "models/input_dropout.h"

namespace metserve::models {
namespace {

namespace nn = torch::nn;

/// Convolution, batch normalisation, ReLU. "Same" padding.
class ConvolutionImpl : public nn::Module {
 public:
  ConvolutionImpl(std::int64_t in, std::int64_t out, std::int64_t size)
      : conv_(register_module("conv",
                              nn::Conv2d(nn::Conv2dOptions(in, out, size).padding(size / 2).bias(false)))),
        bn_(register_module("bn", nn::BatchNorm2d(nn::BatchNorm2dOptions(out).eps(1e-3)))) {}

  torch::Tensor forward(const torch::Tensor& x) { return bn_(conv_(x)).relu_(); }

 private:
  nn::Conv2d conv_;
  nn::BatchNorm2d bn_;
};
TORCH_MODULE(Convolution);

/// Channels of an inception module as table 1 of Szegedy 2015 lists them.
struct InceptionChannels {
  std::int64_t one, reduce_three, three, reduce_five, five, pool;
};

class InceptionImpl : public nn::Module {
 public:
  InceptionImpl(std::int64_t in, const InceptionChannels& c)
      : one_(register_module("branch1", Convolution(in, c.one, 1))),
        three_(register_module("branch2", nn::Sequential(Convolution(in, c.reduce_three, 1),
                                                         Convolution(c.reduce_three, c.three, 3)))),
        five_(register_module("branch3", nn::Sequential(Convolution(in, c.reduce_five, 1),
                                                        Convolution(c.reduce_five, c.five, 5)))),
        pool_(register_module("branch4",
                              nn::Sequential(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(1).padding(1)),
                                             Convolution(in, c.pool, 1)))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    return torch::cat({one_(x), three_->forward(x), five_->forward(x), pool_->forward(x)}, 1);
  }

 private:
  Convolution one_;
  nn::Sequential three_, five_, pool_;
};
TORCH_MODULE(Inception);

nn::MaxPool2d half() {
  return nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).ceil_mode(true));
}

/// Builds the layers one after the other with channels scaled by width / 64.
class Stem {
 public:
  Stem(nn::Module& owner, nn::Sequential& layers, const NetworkConfig& config)
      : owner_(owner), layers_(layers), width_(config.width), channels_(config.slots * config.slices) {}

  void convolution(const std::string& name, std::int64_t out, std::int64_t size) {
    layers_->push_back(owner_.register_module(name, Convolution(channels_, scaled(out), size)));
    channels_ = scaled(out);
  }
  void inception(const std::string& name, const InceptionChannels& c) {
    const InceptionChannels own{scaled(c.one),         scaled(c.reduce_three), scaled(c.three),
                                scaled(c.reduce_five), scaled(c.five),         scaled(c.pool)};
    layers_->push_back(owner_.register_module(name, Inception(channels_, own)));
    channels_ = own.one + own.three + own.five + own.pool;
  }
  void pool() { layers_->push_back(half()); }
  std::int64_t channels() const { return channels_; }

 private:
  std::int64_t scaled(std::int64_t channels) const {
    return std::max<std::int64_t>(1, channels * width_ / 64);
  }

  nn::Module& owner_;
  nn::Sequential& layers_;
  std::int64_t width_;
  std::int64_t channels_;
};

}  // namespace

GoogLeNet::GoogLeNet(const NetworkConfig& config) : NetworkModule(config), upsample_(nullptr) {
  Stem stem(*this, layers_, config);
  stem.convolution("conv1", 64, 7);
  stem.convolution("conv2", 64, 1);
  stem.convolution("conv3", 192, 3);
  stem.pool();
  stem.inception("inception3a", {64, 96, 128, 16, 32, 32});
  stem.inception("inception3b", {128, 128, 192, 32, 96, 64});
  stem.inception("inception4a", {192, 96, 208, 16, 48, 64});
  stem.inception("inception4b", {160, 112, 224, 24, 64, 64});
  stem.inception("inception4c", {128, 128, 256, 24, 64, 64});
  stem.inception("inception4d", {112, 144, 288, 32, 64, 64});
  stem.inception("inception4e", {256, 160, 320, 32, 128, 128});
  stem.pool();
  stem.inception("inception5a", {256, 160, 320, 32, 128, 128});
  stem.inception("inception5b", {384, 192, 384, 48, 128, 128});
  upsample_ = register_module(
      "upsample",
      nn::ConvTranspose2d(nn::ConvTranspose2dOptions(stem.channels(), 1, 8).stride(4).padding(2)));
  for (const auto& module : modules(false))
    if (const auto* convolution = module->as<nn::Conv2d>())
      nn::init::kaiming_normal_(convolution->weight, 0.0, torch::kFanOut, torch::kReLU);
}

torch::Tensor GoogLeNet::run(const torch::Tensor& x, const std::vector<SlotSet>& kept) {
  const torch::Tensor input = kept.empty() ? x : keep_sequences(x, kept, Scaling::by_share);
  return upsample_(layers_->forward(input)).to(torch::kFloat32);
}

void GoogLeNet::add_to_logits(double value) {
  const torch::NoGradGuard no_grad;
  upsample_->bias.add_(value);
}

}  // namespace metserve::models
