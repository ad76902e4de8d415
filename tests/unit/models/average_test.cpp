#include "models/networks/average.h"

#include <vector>

#include <torch/nn.h>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "tests/catch.h"
#include "tests/unit/models/tiny_network.h"

using namespace metserve::models;
using Catch::Matchers::Contains;

namespace {

/// A network all of whose parameters and running statistics are `value`.
Network filled(double value, const NetworkConfig& config = tiny_network()) {
  torch::NoGradGuard no_grad;
  const Network network = make_network(config);
  for (auto& [key, tensor] : state_of(*network)) tensor.fill_(value);
  return network;
}

}  // namespace

TEST_CASE("weights and running statistics are averaged", "[network]") {
  const Network mean = average({filled(1), filled(2), filled(6)});
  for (const auto& [key, tensor] : state_of(*mean)) {
    INFO(key);
    CHECK(tensor.eq(3).all().item<bool>());
  }
  CHECK_FALSE(mean->is_training());
}

TEST_CASE("the average of a network and itself gives the same logits", "[network]") {
  torch::manual_seed(4);
  const Network network = make_network(tiny_network());
  network->eval();
  const Network mean = average({network, network});
  const torch::Tensor input = torch::rand({1, 20, 32, 32});
  const std::vector<SlotSet> kept{SlotSet().set()};
  torch::NoGradGuard no_grad;
  CHECK(mean->forward(input, kept).allclose(network->forward(input, kept), 0, 1e-4));
}

TEST_CASE("different networks have no average, nor has none", "[network]") {
  NetworkConfig wider = tiny_network();
  wider.width = 16;
  CHECK_THROWS_WITH(average({filled(1), filled(1, wider)}), Contains("of different networks"));
  CHECK_THROWS_WITH(average({}), Contains("no weights"));
}
