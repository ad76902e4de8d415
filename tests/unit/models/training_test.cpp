#include "models/training.h"

#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/toy_study.h"
#include "tests/unit/models/training_fixture.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

/// What a kill leaves behind.
struct Killed {};

}  // namespace

TEST_CASE("A run that was killed and resumed ends with the weights of an undisturbed one", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  TrainingOptions options = tiny();
  train(studies, studies, options, directory / "whole", {});
  const auto kill_at_four = [](const TrainingProgress& progress) {
    if (progress.step == 4) throw Killed{};
  };
  CHECK_THROWS_AS(train(studies, studies, options, directory / "killed", kill_at_four), Killed);
  options.resume = true;
  int first_step = 0;
  train(studies, studies, options, directory / "killed",
        [&](const TrainingProgress& progress) { first_step = first_step == 0 ? progress.step : first_step; });
  CHECK(first_step == 5);
  CHECK(same_weights(directory / "whole/last.safetensors", directory / "killed/last.safetensors"));
  const std::string log = text_of(directory / "killed/training.csv");
  CHECK(std::count(log.begin(), log.end(), '\n') == 7);
  CHECK(log.find("\n5,") != std::string::npos);
}

TEST_CASE("A run ends the same in two parts where batches leave parts of the network without a gradient",
          "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  TrainingOptions options = tiny();
  options.network.network = "end-independent";
  options.dropout = 0.6;
  options.steps = 10;
  options.interval = options.checkpoint_interval = 5;
  const auto kill_at_five = [](const TrainingProgress& progress) {
    if (progress.step == 5) throw Killed{};
  };
  for (int seed = 1; seed <= 4; ++seed) {
    options.seed = seed;
    const auto whole = directory / ("whole" + std::to_string(seed)),
               parts = directory / ("parts" + std::to_string(seed));
    options.resume = false;
    train(studies, studies, options, whole, {});
    CHECK_THROWS_AS(train(studies, studies, options, parts, kill_at_five), Killed);
    options.resume = true;
    train(studies, studies, options, parts, {});
    INFO("seed " << seed);
    CHECK(same_weights(whole / "last.safetensors", parts / "last.safetensors"));
  }
}

TEST_CASE("More threads than images do no harm", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  const int usual = at::get_num_threads();
  TrainingOptions options = tiny();
  options.threads = 4;  // with two images LibTorch 1.13 ends the process
  std::vector<int> threads;
  train(studies, studies, options, directory / "a",
        [&](const TrainingProgress&) { threads.push_back(at::get_num_threads()); });
  CHECK(threads == std::vector<int>(static_cast<std::size_t>(options.steps), options.sampler.batch));
  CHECK(at::get_num_threads() == 4);  // of what comes after
  at::set_num_threads(usual);
}

TEST_CASE("Workers that make batches ahead change nothing", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  TrainingOptions options = tiny();
  train(studies, studies, options, directory / "alone", {});
  options.workers = 2;
  train(studies, studies, options, directory / "ahead", {});
  CHECK(same_weights(directory / "alone/last.safetensors", directory / "ahead/last.safetensors"));
  options.workers = -1;
  CHECK_THROWS_WITH(train(studies, studies, options, directory / "wrong", {}), Contains("workers"));
}

TEST_CASE("A run logs the saliency of every sequence and draws its plots", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)};
  TrainingOptions options = tiny();
  options.network.subset = SlotSet("1101");  // all but CUBE pre
  train(studies, studies, options, directory.path(), {});
  std::ifstream log(directory / "saliency.csv");
  std::string row;
  std::getline(log, row);
  CHECK(row.starts_with("step,t1_gre_post-"));
  int rows = 0;
  for (; std::getline(log, row); ++rows) {
    std::vector<double> fields;
    std::istringstream stream(row);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(std::stod(field));
    const auto slices = static_cast<std::size_t>(options.network.slices);
    REQUIRE(fields.size() == 1 + slot_count * slices);
    for (std::size_t i = 1; i < fields.size(); ++i) {
      INFO("row " << rows << ", column " << i);
      const bool cube_pre = (i - 1) / slices == index(Slot::t1_se_pre);
      if (cube_pre) CHECK(fields[i] == 0);
    }
    CHECK(std::accumulate(fields.begin() + 1, fields.end(), 0.0) > 0);
  }
  CHECK(rows == options.steps);
  for (const char* plot : {"loss.svg", "score.svg", "saliency.svg"})
    CHECK(text_of(directory / plot).find("<svg") != std::string::npos);
  CHECK(text_of(directory / "saliency.svg").find("flair") != std::string::npos);
}

TEST_CASE("Another seed gives other weights", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)};
  TrainingOptions options = tiny();
  options.steps = 1;
  train(studies, studies, options, directory / "a", {});
  options.seed = 2;
  train(studies, studies, options, directory / "b", {});
  CHECK_FALSE(same_weights(directory / "a/last.safetensors", directory / "b/last.safetensors"));
}

TEST_CASE("The loss falls on an easy task", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  TrainingOptions options = tiny();
  options.network.aspp_channels = 16;
  options.sampler.lesion_share = 1;
  options.dropout = 0;
  options.steps = 60;
  options.interval = 60;
  options.checkpoint_interval = 20;
  options.learning_rate = 5e-3;
  options.warmup_steps = 0;
  std::vector<double> losses;
  train(studies, studies, options, directory / "a",
        [&](const TrainingProgress& progress) { losses.push_back(progress.loss); });
  REQUIRE(losses.size() == 3);
  CHECK(losses.back() < 0.8 * losses.front());
}

TEST_CASE("Weights with prefixes and an auxiliary classifier load, others are refused by key", "[network]") {
  const NetworkConfig config = tiny_network();
  const Network source = make_network(config), target = make_network(config);
  std::map<std::string, torch::Tensor> state;
  for (const auto& [key, tensor] : state_of(*source)) state["module.model." + key] = tensor.clone();
  state["aux_classifier.0.weight"] = torch::zeros({1});
  load_state(*target, state);
  CHECK(torch::equal(state_of(*target).at("classifier.4.bias"), state_of(*source).at("classifier.4.bias")));
  state.erase("module.model.classifier.4.bias");
  CHECK_THROWS_WITH(load_state(*target, state), Contains("lack 'classifier.4.bias'"));
  state["module.model.classifier.4.bias"] = torch::zeros({2});
  CHECK_THROWS_WITH(load_state(*target, state), Contains("[2]"));
  state["classifier.5.bias"] = torch::zeros({1});
  CHECK_THROWS_WITH(load_state(*target, state), Contains("classifier"));
}
