#include "models/segmenter.h"

#include <limits>

#include <torch/types.h>

#include "models/error.h"
#include "models/inference.h"
#include "models/log_odds.h"
#include "models/networks/network_file.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/tiny_network.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

ModelPackage tiny_package(const TemporaryDirectory& directory) {
  torch::manual_seed(2);
  ModelPackage package;
  package.directory = directory.path();
  package.manifest.network = tiny_network();
  save_network(make_network(package.manifest.network), {}, true, directory / "weights.safetensors");
  return package;
}

torch::Tensor head(std::int64_t depth) {
  torch::manual_seed(8);
  torch::Tensor images = torch::zeros({4, depth, 256, 256});
  images.narrow(2, 100, 70).narrow(3, 40, 90).copy_(torch::rand({4, depth, 70, 90}) * 0.9 + 0.1);
  return images;
}

}  // namespace

TEST_CASE("Log-odds are on the study's grid, minus infinity far from the head", "[segmenter]") {
  const TemporaryDirectory directory;
  const Segmenter segmenter(tiny_package(directory), "cpu");
  double share = 0;
  const torch::Tensor log_odds =
      segmenter.log_odds(head(6), SlotSet().set(), [&](double done) { share = done; });
  CHECK(log_odds.sizes() == torch::IntArrayRef({6, 256, 256}));
  CHECK(log_odds.scalar_type() == torch::kFloat32);
  CHECK(share == Approx(1));
  CHECK(log_odds.max().item<float>() < infinity);
  CHECK(log_odds.narrow(1, 0, 80).max().item<float>() == -infinity);
  CHECK(log_odds.narrow(1, 100, 70).narrow(2, 40, 90).min().item<float>() > -infinity);
}

TEST_CASE("What an absent sequence holds does not matter", "[segmenter]") {
  const TemporaryDirectory directory;
  const Segmenter segmenter(tiny_package(directory), "cpu");
  const SlotSet present("1101");
  torch::Tensor images = head(3);
  const torch::Tensor expected = segmenter.log_odds(images, present);
  images[1].fill_(std::numeric_limits<float>::quiet_NaN());
  CHECK(torch::equal(segmenter.log_odds(images, present), expected));
  CHECK_THROWS_AS(segmenter.log_odds(images, SlotSet()), Error);
}

TEST_CASE("End slices are replicated and slices do not depend on the batch", "[segmenter]") {
  torch::manual_seed(2);
  const Network network = make_network(tiny_network());
  network->eval();
  const torch::Tensor images = head(7);
  InferenceOptions options;
  const torch::Tensor all = predict(network, images, SlotSet().set(), options);
  options.slices = {0, 6};
  options.batch = 1;
  const torch::Tensor ends = predict(network, images, SlotSet().set(), options);
  CHECK(torch::allclose(ends[0], all[0], 0, 1e-5));
  CHECK(torch::allclose(ends[1], all[6], 0, 1e-5));
  const torch::Tensor repeated =
      torch::cat({images.narrow(1, 0, 1), images.narrow(1, 0, 1), images.narrow(1, 0, 3)}, 1);
  options.slices = {2};
  CHECK(torch::allclose(predict(network, repeated, SlotSet().set(), options)[0], all[0], 0, 1e-5));
}

TEST_CASE("A mirrored answer is the mean of the image's and of its mirror image's", "[segmenter]") {
  torch::manual_seed(4);
  const Network network = make_network(tiny_network());
  network->eval();
  const torch::Tensor images = torch::rand({4, 3, 64, 64});
  InferenceOptions options;
  const torch::Tensor plain = predict(network, images, SlotSet().set(), options);
  const torch::Tensor mirror = predict(network, images.flip(3), SlotSet().set(), options).flip(2);
  REQUIRE_FALSE(torch::allclose(plain, mirror, 0, 1e-3));
  options.mirrored_from = 0;
  const torch::Tensor both = predict(network, images, SlotSet().set(), options);
  CHECK(torch::allclose(both, (plain + mirror) / 2, 0, 1e-5));
  CHECK(torch::allclose(predict(network, images.flip(3), SlotSet().set(), options).flip(2), both, 0, 1e-5));
}

TEST_CASE("The mirror image is asked of the slices alone where something is suspected", "[segmenter]") {
  torch::manual_seed(4);
  const Network network = make_network(tiny_network());
  network->eval();
  torch::Tensor images = torch::zeros({4, 9, 64, 96});  // their boxes lie beside the middle
  images.narrow(2, 8, 24).narrow(3, 50, 30) = 0.3;
  images.narrow(1, 4, 1).narrow(2, 14, 6).narrow(3, 60, 6) = 1;
  InferenceOptions options;
  options.batch = 9;
  const torch::Tensor plain = predict(network, images, SlotSet().set(), options);
  options.mirrored_from = 0;
  const torch::Tensor all = predict(network, images, SlotSet().set(), options);
  const torch::Tensor peaks = std::get<0>(plain.flatten(1).max(1));
  const torch::Tensor sorted = std::get<0>(peaks.sort());
  REQUIRE(sorted[3].item<float>() < sorted[4].item<float>());
  options.mirrored_from = probability_at((sorted[3] + sorted[4]).item<double>() / 2);
  const torch::Tensor some = predict(network, images, SlotSet().set(), options);
  for (std::int64_t slice = 0; slice < 9; ++slice) {
    const bool suspected = peaks[slice].item<float>() > sorted[3].item<float>();
    REQUIRE_FALSE(torch::allclose(plain[slice], all[slice], 0, 1e-4));
    CHECK(torch::allclose(some[slice], (suspected ? all : plain)[slice], 0, 1e-5));
  }
}

TEST_CASE("Of each slice what holds signal is computed, and alike whichever slices are asked for",
          "[segmenter]") {
  torch::manual_seed(3);
  const Network network = make_network(tiny_network());
  network->eval();
  torch::Tensor images = torch::zeros({4, 12, 96, 96});
  images.slice(1, 0, 4).slice(2, 40, 52).slice(3, 30, 42) = 0.5;
  images.slice(1, 4, 8).slice(2, 8, 88).slice(3, 8, 88) = 0.7;
  const torch::Tensor all = predict(network, images, SlotSet().set(), {});
  const auto computed = [&](std::int64_t slice) { return all[slice].isfinite().sum().item<std::int64_t>(); };
  CHECK(computed(0) == 32 * 32);  // 12 pixels and twice the margin are 20, the next multiple of 16 is 32
  CHECK(all[0][46][36].isfinite().item<bool>());
  CHECK(computed(5) == 96 * 96);
  CHECK(computed(2) == 96 * 96);  // sees slice 4
  CHECK(computed(9) == 96 * 96);  // sees slice 7
  CHECK(computed(10) == 0);
  for (const std::int64_t slice : {0, 2, 5, 10}) {
    InferenceOptions alone;
    alone.slices = {slice};
    CHECK(torch::allclose(predict(network, images, SlotSet().set(), alone)[0], all[slice], 0, 1e-5));
  }
}

TEST_CASE("Weights of another network, or a device that is not there, are refused", "[segmenter]") {
  const TemporaryDirectory directory;
  ModelPackage package = tiny_package(directory);
  CHECK_THROWS_WITH(Segmenter(package, "gpu"), Contains("gpu"));
  package.manifest.network.width = 16;
  CHECK_THROWS_WITH(Segmenter(package, "cpu"), Contains("manifest"));
}
