#include <string>

#include <torch/nn.h>

#include "models/error.h"
#include "models/inference.h"
#include "models/networks/network.h"
#include "models/networks/network_file.h"
#include "models/safetensors.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/tiny_network.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

NetworkConfig tiny(const std::string& name) {
  NetworkConfig config = tiny_network();
  config.network = name;
  config.slices = paper_slices(name);
  config.dropout = name != "mid-subtract";
  return config;
}

std::vector<NetworkConfig> every_network() {
  std::vector<NetworkConfig> configs;
  for (std::string_view name : network_names) configs.push_back(tiny(std::string(name)));
  return configs;
}

Network built(const NetworkConfig& config) {
  torch::manual_seed(5);
  Network network = make_network(config);
  network->eval();
  return network;
}

torch::Tensor input_for(const NetworkConfig& config, std::int64_t examples = 2) {
  torch::manual_seed(6);
  return torch::rand({examples, static_cast<std::int64_t>(config.slots) * config.slices, 64, 32});
}

std::vector<SlotSet> all(std::size_t examples = 2) {
  return std::vector(examples, SlotSet().set());
}

const SlotSet without_bravo = SlotSet("1110");

/// The largest difference, relative to the largest value if that is above 1.
double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>() / std::max(1.0, b.abs().max().item<double>());
}

}  // namespace

TEST_CASE("Every network gives the centre slice's logits, float32, at the input's size", "[networks]") {
  const torch::NoGradGuard no_grad;
  for (const NetworkConfig& config : every_network()) {
    INFO(config.network);
    const torch::Tensor logits = built(config)->forward(input_for(config), all());
    CHECK(logits.sizes() == torch::IntArrayRef({2, 1, 64, 32}));
    CHECK(logits.scalar_type() == torch::kFloat32);
    CHECK(logits.isfinite().all().item<bool>());
  }
}

TEST_CASE("Every network comes back from its file as it was", "[networks]") {
  const torch::NoGradGuard no_grad;
  const TemporaryDirectory directory;
  for (NetworkConfig config : every_network()) {
    INFO(config.network);
    config.end_join = "sum";
    config.subset = without_bravo;
    const Network network = built(config);
    save_network(network, {}, false, directory / "weights.safetensors");
    const Network loaded = load_network(directory / "weights.safetensors");
    CHECK(loaded->config() == config);
    const torch::Tensor x = input_for(config);
    CHECK(difference(network->forward(x, all()), loaded->forward(x, all())) < 1e-5);
  }
}

TEST_CASE("What a dropped sequence holds does not matter in any network", "[networks]") {
  const torch::NoGradGuard no_grad;
  for (NetworkConfig config : every_network())
    for (const char* level : {"join", "input"}) {
      config.dropout_level = level;
      INFO(config.network << " " << level);
      const Network network = built(config);
      const torch::Tensor x = input_for(config);
      const torch::Tensor expected = network->forward(x, {SlotSet().set(), without_bravo});
      torch::Tensor other = x.clone();
      other[1].narrow(0, 0, config.slices).fill_(3);
      CHECK(difference(network->forward(other, {SlotSet().set(), without_bravo}), expected) == 0);
      CHECK(difference(network->forward(other, all()), expected) > 0);
    }
}

TEST_CASE("A dropped sequence is the same alone and beside an example that keeps it", "[networks]") {
  const torch::NoGradGuard no_grad;
  for (const NetworkConfig& config : every_network()) {
    INFO(config.network);
    const Network network = built(config);
    const torch::Tensor x = input_for(config);
    const torch::Tensor together = network->forward(x, {SlotSet().set(), without_bravo});
    CHECK(difference(network->forward(x.narrow(0, 1, 1), {without_bravo}), together.narrow(0, 1, 1)) < 1e-5);
  }
}

TEST_CASE("End-level networks average the outputs of what is there", "[networks]") {
  const torch::NoGradGuard no_grad;
  NetworkConfig config = tiny("end-shared");
  const Network network = built(config);
  const torch::Tensor x = input_for(config);
  torch::Tensor sum = torch::zeros({2, 1, 64, 32});
  for (Slot slot : {Slot::t1_se_pre, Slot::flair})
    sum +=
        network->forward(x, std::vector(2, SlotSet().set(index(slot)))) / 4;  // alone it is multiplied by 4
  const SlotSet both = SlotSet("1010");
  CHECK(difference(network->forward(x, {both, both}), sum * 2) < 1e-5);
  config.end_join = "sum";
  const Network summing = built(config);
  CHECK(difference(summing->forward(x, all()), 4 * network->forward(x, all())) < 1e-4);
}

TEST_CASE("The subtracting network sees the difference of CUBE post and CUBE pre", "[networks]") {
  const torch::NoGradGuard no_grad;
  NetworkConfig config = tiny("mid-subtract");
  config.difference_alone = true;
  const Network network = built(config);
  const torch::Tensor zero = torch::zeros({1, 20, 64, 32});
  torch::Tensor alike = torch::rand({1, 20, 64, 32});
  alike.narrow(1, 10, 5).copy_(alike.narrow(1, 5, 5));  // no enhancement
  CHECK(difference(network->forward(alike, all(1)), network->forward(zero, all(1))) < 1e-5);
  torch::Tensor enhancing = alike.clone();
  enhancing.narrow(1, 10, 5).narrow(2, 20, 8).fill_(2);
  CHECK(difference(network->forward(enhancing, all(1)), network->forward(zero, all(1))) > 1e-4);
}

TEST_CASE("The subtracting network refuses input dropout", "[networks]") {
  NetworkConfig config = tiny("mid-subtract");
  config.dropout = true;
  CHECK_THROWS_WITH(make_network(config), Contains("dropout 0"));
}

TEST_CASE("The subtracting network refuses a subset without what it subtracts", "[networks]") {
  NetworkConfig config = tiny("mid-subtract");
  config.subset = GENERATE(SlotSet("1011"), SlotSet("1101"));
  CHECK_THROWS_WITH(make_network(config), Contains("subtracts CUBE pre from CUBE post"));
  config.subset = SlotSet("0110");
  CHECK_NOTHROW(make_network(config));
}

TEST_CASE("Tied copies start alike and are penalised for each difference", "[networks]") {
  for (const char* name : {"mid-l2", "end-l2"}) {
    const Network network = built(tiny(name));
    CHECK(network->tie_penalty().item<double>() == 0);
    const torch::NoGradGuard no_grad;
    for (auto& parameter : network->named_parameters())
      if (parameter.key().find("s.2.backbone.conv1.weight") != std::string::npos ||
          parameter.key() == "backbones.2.conv1.weight")
        parameter.value()[0][0][0][0] += 4;  // the mean moves by 1: 3 * 1 + 9
    CHECK(network->tie_penalty().item<double>() == Approx(12));
  }
  CHECK_FALSE(built(tiny("mid-shared"))->tie_penalty().defined());
}

TEST_CASE("Shifting the logits shifts them in every network", "[networks]") {
  const torch::NoGradGuard no_grad;
  for (NetworkConfig config : every_network())
    for (const char* join : {"mean", "sum"}) {
      config.end_join = join;
      INFO(config.network << " " << join);
      const Network network = built(config);
      const torch::Tensor x = input_for(config);
      const std::vector<SlotSet> kept = config.dropout ? std::vector(2, without_bravo) : all();
      const torch::Tensor before = network->forward(x, kept);
      network->add_to_logits(-1.5);
      CHECK(difference(network->forward(x, kept), before - 1.5) < 1e-4);
    }
}

TEST_CASE("Networks of the papers have the published sizes", "[networks]") {
  const auto millions = [](const char* name) {
    NetworkConfig config;
    config.network = name;
    config.backbone = "resnet50";
    config.slices = paper_slices(name);
    config.dropout = false;
    return static_cast<double>(parameter_count(*make_network(config))) / 1e6;
  };
  CHECK(millions("mid-shared") == Approx(85).margin(0.5));
  CHECK(millions("googlenet") == Approx(6.12).margin(0.01));  // 5.98 in Szegedy 2015 without its classifiers
}

TEST_CASE("A network without the layer gets zeros and no factor", "[networks]") {
  const torch::NoGradGuard no_grad;
  NetworkConfig config = tiny("input");
  config.dropout = false;
  const Network network = built(config);
  const torch::Tensor x = input_for(config, 1);
  torch::Tensor censored = x.clone();
  censored.narrow(1, 0, 5).zero_();
  CHECK(difference(network->forward(x, {without_bravo}), network->forward(censored, all(1))) == 0);
}

TEST_CASE("Sequences that a network was not trained on are ignored", "[networks]") {
  NetworkConfig config = tiny("input");
  config.subset = SlotSet("1100");
  const Network network = built(config);
  torch::Tensor images = torch::rand({4, 3, 64, 64});
  const torch::Tensor expected = predict(network, images, SlotSet().set(), {});
  images[0].fill_(1);
  CHECK(torch::equal(predict(network, images, SlotSet().set(), {}), expected));
  CHECK_THROWS_WITH(predict(network, images, SlotSet("0011"), {}), Contains("trained on"));
}

TEST_CASE("A network's configuration is refused by the key that is unknown or missing", "[networks]") {
  const std::string usual = to_json(NetworkConfig{});
  CHECK(usual.find("dropout") == std::string::npos);  // files of older versions and newer ones are alike
  CHECK(network_config_from_json(usual) == NetworkConfig{});
  CHECK_THROWS_WITH(network_config_from_json(R"({"colour":1,)" + usual.substr(1)), Contains("'colour'"));
  CHECK_THROWS_WITH(network_config_from_json("{}"), Contains("network"));
  CHECK_THROWS_WITH(make_network(tiny("middle")), Contains("mid-independent"));
}
