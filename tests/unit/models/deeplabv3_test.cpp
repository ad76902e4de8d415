#include <string>

#include <torch/nn.h>

#include "models/error.h"
#include "models/networks/network.h"
#include "models/networks/network_file.h"
#include "tests/catch.h"

using namespace metserve::models;

namespace {

Network network(const std::string& backbone, int output_stride, int width = 64, int aspp = 256) {
  NetworkConfig config;
  config.backbone = backbone;
  config.output_stride = output_stride;
  config.width = width;
  config.aspp_channels = aspp;
  return make_network(config);
}

torch::nn::Conv2dImpl& convolution(const Network& network, const std::string& name) {
  for (const auto& module : network->named_modules())
    if (module.key() == name) return *module.value()->as<torch::nn::Conv2d>();
  throw std::runtime_error("no module " + name);
}

std::int64_t dilation(const Network& network, const std::string& name) {
  return convolution(network, name).options.dilation()->at(0);
}

}  // namespace

TEST_CASE("DeepLabV3 on ResNet-50 has torchvision's 362 keys and 39.7 million parameters", "[deeplabv3]") {
  const Network net = network("resnet50", 8);
  const auto state = state_of(*net);
  CHECK(state.size() == 362);
  CHECK(parameter_count(*net) / 1e6 == Approx(39.7).margin(0.05));
  for (const char* key :
       {"backbone.conv1.weight", "backbone.layer1.0.downsample.0.weight", "backbone.layer3.5.conv3.weight",
        "classifier.0.convs.0.0.weight", "classifier.0.convs.4.1.weight",
        "classifier.0.convs.4.2.running_var", "classifier.0.project.1.num_batches_tracked",
        "classifier.1.weight", "classifier.2.bias", "classifier.4.bias"})
    CHECK(state.count(key) == 1);
}

TEST_CASE("The smaller and larger backbones have the published parameter counts", "[deeplabv3]") {
  CHECK(parameter_count(*network("resnet18", 8)) / 1e6 == Approx(16.0).margin(0.06));
  CHECK(parameter_count(*network("resnet34", 8)) / 1e6 == Approx(26.1).margin(0.06));
  CHECK(parameter_count(*network("resnet101", 16)) / 1e6 == Approx(58.7).margin(0.06));
}

TEST_CASE("The first block of a dilated stage keeps the dilation of the stage before", "[deeplabv3]") {
  const Network net = network("resnet50", 8);
  CHECK(dilation(net, "backbone.layer2.3.conv2") == 1);
  CHECK(dilation(net, "backbone.layer3.0.conv2") == 1);
  CHECK(dilation(net, "backbone.layer3.1.conv2") == 2);
  CHECK(dilation(net, "backbone.layer4.0.conv2") == 2);
  CHECK(dilation(net, "backbone.layer4.1.conv2") == 4);
  CHECK(dilation(net, "classifier.0.convs.1.0") == 12);
  CHECK(dilation(net, "classifier.0.convs.3.0") == 36);
}

TEST_CASE("ResNet-18 dilates both convolutions of a block", "[deeplabv3]") {
  const Network net = network("resnet18", 8, 16, 16);
  CHECK(dilation(net, "backbone.layer4.0.conv1") == 2);
  CHECK(dilation(net, "backbone.layer4.0.conv2") == 2);
  CHECK(dilation(net, "backbone.layer4.1.conv1") == 4);
  CHECK(dilation(net, "backbone.layer4.1.conv2") == 4);
}

TEST_CASE("Output stride 16 halves the rates and leaves the third stage undilated", "[deeplabv3]") {
  const Network net = network("resnet18", 16, 16, 16);
  CHECK(dilation(net, "backbone.layer3.1.conv1") == 1);
  CHECK(dilation(net, "backbone.layer4.1.conv1") == 2);
  CHECK(dilation(net, "classifier.0.convs.1.0") == 6);
}

TEST_CASE("Logits have the input's size at every output stride", "[deeplabv3]") {
  torch::NoGradGuard no_grad;
  for (int stride : {4, 8, 16}) {
    const Network net = network("resnet18", stride, 8, 8);
    net->eval();
    const torch::Tensor logits =
        net->forward(torch::rand({2, 20, 64, 96}), {SlotSet().set(), SlotSet("0001")});
    CHECK(logits.sizes() == torch::IntArrayRef({2, 1, 64, 96}));
    CHECK(logits.scalar_type() == torch::kFloat32);
  }
}

TEST_CASE("A configuration that cannot be built is refused by name", "[deeplabv3]") {
  CHECK_THROWS_WITH(network("resnet19", 8), Catch::Matchers::Contains("resnet19"));
  CHECK_THROWS_WITH(network("resnet18", 32), Catch::Matchers::Contains("output_stride"));
  CHECK_THROWS_WITH(network("resnet18", 8, 0), Catch::Matchers::Contains("width"));
}
