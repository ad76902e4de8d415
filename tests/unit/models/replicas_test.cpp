#include "models/replicas.h"

#include <vector>

#include <torch/types.h>

#include "models/precision.h"
#include "tests/catch.h"
#include "tests/unit/models/tiny_network.h"

using namespace metserve::models;

namespace {

/// A network without random units, so that two runs of it can be compared.
Network network_of_seed_one() {
  NetworkConfig config = tiny_network();
  config.network = "googlenet";
  config.slices = 7;
  torch::manual_seed(1);
  const Network network = make_network(config);
  to_channels_last(*network);  // as the copies have it, which decides how sums are rounded
  return network;
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("A network and its copy on another device learn from their shares what the network would alone",
          "[training]") {
  const Network alone = network_of_seed_one(), shared = network_of_seed_one();
  Replicas two(shared, {torch::kCPU});
  const torch::Tensor x = torch::rand({4, 28, 32, 32});
  const std::vector<SlotSet> all(4, SlotSet("1111")), half(2, SlotSet("1111"));
  const auto learn = [](const torch::Tensor& logits) { (logits * logits).mean().backward(); };
  const auto step = [](const Network& network) {
    const torch::NoGradGuard no_grad;
    for (torch::Tensor& weight : network->parameters()) weight -= 0.01 * weight.grad();
    network->zero_grad();
  };
  for (int i = 0; i < 2; ++i) {
    learn(torch::cat({alone->forward(x.narrow(0, 0, 2), half), alone->forward(x.narrow(0, 2, 2), half)}));
    step(alone);
    two.forget_gradients();
    learn(two.forward(x, all));
    two.gather_gradients();
    step(shared);
    two.spread_weights();
  }
  const auto other = shared->named_parameters();
  for (const auto& entry : alone->named_parameters()) {
    INFO(entry.key());
    CHECK(largest_difference(entry.value(), other[entry.key()]) < 1e-6);
  }
}

TEST_CASE("Each device gets the sets of sequences of its own share", "[training]") {
  const Network network = network_of_seed_one();
  Replicas replicas(network, {torch::kCPU});
  torch::Tensor x = torch::rand({3, 28, 32, 32}).requires_grad_(true);
  replicas.forward(x, {SlotSet("1111"), SlotSet("1111"), SlotSet("1110")}).sum().backward();
  const torch::Tensor bravo = x.grad().narrow(1, 0, 7).abs().sum({1, 2, 3});
  CHECK(bravo[0].item<double>() > 0);
  CHECK(bravo[1].item<double>() > 0);
  CHECK(bravo[2].item<double>() == 0);
}

TEST_CASE("A part that one device's share does not use learns from the others", "[training]") {
  NetworkConfig config = tiny_network();
  config.network = "mid-independent";
  const Network network = make_network(config);
  Replicas replicas(network, {torch::kCPU});
  const torch::Tensor x = torch::rand({4, 20, 32, 32});
  const SlotSet bravo("0001"), flair("1000");
  replicas.forward(x, {bravo, bravo, flair, flair}).sum().backward();
  replicas.gather_gradients();
  for (const auto& entry : network->named_parameters()) {
    INFO(entry.key());
    const bool unused = entry.key().starts_with("backbones.1") || entry.key().starts_with("backbones.2");
    CHECK(entry.value().grad().defined() != unused);
  }
  replicas.forget_gradients();
  for (const torch::Tensor& weight : network->parameters()) CHECK_FALSE(weight.grad().defined());
}
