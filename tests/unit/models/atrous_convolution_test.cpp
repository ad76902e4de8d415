#include "models/networks/atrous_convolution.h"

#include <torch/types.h>

#include "tests/catch.h"

using namespace metserve::models;

namespace {

struct Results {
  torch::Tensor map, of_x, of_weight;  ///< and the gradients of a weighted sum of the map
};

template <typename Forward>
Results results(AtrousConv2d& convolution, const torch::Tensor& input, const torch::Tensor& weights,
                const Forward& forward) {
  const torch::Tensor x = input.detach().clone().requires_grad_();
  convolution->zero_grad();
  const torch::Tensor map = forward(x);
  (map * weights).sum().backward();
  return {map.detach(), x.grad(), convolution->weight.grad().clone()};
}

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

}  // namespace

TEST_CASE("An atrous convolution and its gradients are the dilated convolution's", "[networks]") {
  torch::manual_seed(1);
  const auto rate = GENERATE(2, 4, 6, 12, 24, 36);
  const auto size = GENERATE(std::pair{1, 1}, std::pair{13, 40}, std::pair{32, 32}, std::pair{37, 12});
  const auto format = GENERATE(torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast);
  CAPTURE(rate, size.first, size.second);
  AtrousConv2d convolution(8, 16, rate);
  const torch::Tensor x = torch::randn({2, 8, size.first, size.second}).contiguous(format);
  const torch::Tensor weights = torch::randn({2, 16, size.first, size.second});
  const Results ours = results(convolution, x, weights, [&](const auto& in) { return convolution(in); });
  const Results plain = results(convolution, x, weights, [&](const auto& in) {
    return torch::conv2d(in, convolution->weight, {}, 1, rate, rate);
  });
  REQUIRE(ours.map.sizes() == plain.map.sizes());
  CHECK(difference(ours.map, plain.map) < 1e-5);
  CHECK(difference(ours.of_x, plain.of_x) < 1e-5);
  CHECK(difference(ours.of_weight, plain.of_weight) < 1e-5);
}

TEST_CASE("In bfloat16 an atrous convolution differs from float32 by rounding alone", "[networks]") {
  torch::manual_seed(2);
  AtrousConv2d convolution(64, 16, 12);
  const torch::Tensor x = torch::randn({2, 64, 40, 40}).to(torch::kBFloat16);
  const torch::Tensor weight = convolution->weight.detach().to(torch::kBFloat16);
  const torch::Tensor exact = torch::conv2d(x.to(torch::kFloat32), weight.to(torch::kFloat32), {}, 1, 12, 12);
  const torch::Tensor ours = convolution(x).detach();
  CHECK(ours.scalar_type() == torch::kBFloat16);
  CHECK(difference(ours.to(torch::kFloat32), exact) < 1.0 / 128);
  const Results gradients =
      results(convolution, x, torch::ones_like(ours), [&](const auto& in) { return convolution(in); });
  CHECK(gradients.of_x.scalar_type() == torch::kBFloat16);
  CHECK(gradients.of_weight.scalar_type() == torch::kFloat32);
}
