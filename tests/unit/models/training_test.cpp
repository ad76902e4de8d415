#include "models/training.h"

#include <fstream>
#include <numeric>
#include <sstream>
#include <string>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "models/safetensors.h"
#include "models/training_settings.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/tiny_network.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

TrainingOptions tiny() {
  TrainingOptions options;
  options.network = tiny_network();
  options.network.output_stride = 4;
  options.sampler.crop = 32;
  options.sampler.batch = 2;
  options.steps = 6;
  options.interval = 3;
  options.checkpoint_interval = 1;
  options.threads = 1;
  options.precision = "float32";
  return options;
}

/// What a kill leaves behind.
struct Killed {};

bool same_weights(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto first = read_safetensors(a).tensors, second = read_safetensors(b).tensors;
  if (first.size() != second.size()) return false;
  for (const auto& [key, tensor] : first)
    if (!torch::equal(tensor, second.at(key))) return false;
  return true;
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

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

TEST_CASE("A checkpoint of another network is refused, also where the weights would fit", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)};
  TrainingOptions options = tiny();
  options.steps = 1;
  train(studies, studies, options, directory / "a", {});
  options.resume = true;
  options.steps = 2;
  TrainingOptions other = options;
  other.network.width = 16;
  CHECK_THROWS_WITH(train(studies, studies, other, directory / "a", {}), Contains("width 16"));
  other = options;
  other.dropout = 0;
  CHECK_THROWS_WITH(train(studies, studies, other, directory / "a", {}), Contains("no input dropout"));
  other = options;
  other.network.subset.reset(index(Slot::flair));
  CHECK_THROWS_WITH(train(studies, studies, other, directory / "a", {}), Contains("trained on"));
}

TEST_CASE("A run goes on with the settings that it was begun with, and is not begun over", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  TrainingOptions options = tiny();
  options.steps = 1;
  train(studies, studies, options, directory / "a", {});
  const std::string log = text_of(directory / "a/training.csv");
  CHECK_THROWS_WITH(train(studies, studies, options, directory / "a", {}), Contains("resume"));
  CHECK(text_of(directory / "a/training.csv") == log);
  options.resume = true;
  options.steps = 2;
  TrainingOptions other = options;
  other.seed = 9;
  CHECK_THROWS_WITH(train(studies, studies, other, directory / "a", {}), Contains("seed 1") && Contains("9"));
  other = options;
  other.sampler.lesion_share = 0.5;
  CHECK_THROWS_WITH(train(studies, studies, other, directory / "a", {}), Contains("lesion_share 0.6"));
  CHECK_THROWS_WITH(train({studies[0]}, studies, options, directory / "a", {}),
                    Contains("studies to train on"));
  options.interval = 7;
  options.workers = 1;
  train(studies, studies, options, directory / "a", {});
  CHECK(text_of(directory / "a/training.csv").find("\n2,") != std::string::npos);
}

TEST_CASE("What a checkpoint does not name, its program did not have, so it was as by default",
          "[training]") {
  TrainingOptions options = tiny();
  const TrainingSettings asked_for = settings_of(options, {}, {});
  TrainingSettings begun_with = asked_for;
  begun_with.erase("by_slice");
  CHECK_NOTHROW(require_same(begun_with, asked_for));
  options.sampler.by_slice = true;
  CHECK_THROWS_WITH(require_same(begun_with, settings_of(options, {}, {})), Contains("by_slice false"));
}

TEST_CASE("Training goes on from other weights, and keeps them when it finds none better", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)};
  TrainingOptions options = tiny();
  train(studies, studies, options, directory / "a", {});
  options.start_from = directory / "a/best.safetensors";
  options.network = NetworkConfig();  // that of the weights
  options.steps = options.warmup_steps = 1;
  options.learning_rate = 1e-9;
  train(studies, studies, options, directory / "near", {});
  const auto before = read_safetensors(*options.start_from),
             near = read_safetensors(directory / "near/last.safetensors");
  CHECK(near.meta("network") == before.meta("network"));
  CHECK(near.meta(started_from_key) == "best.safetensors");
  for (const auto& [key, weight] : before.tensors)
    if (key.ends_with(".weight")) CHECK(torch::allclose(weight, near.tensors.at(key), 0, 1e-8));
  options.learning_rate = 0.3;
  train(studies, studies, options, directory / "far", {});
  CHECK(same_weights(directory / "far/best.safetensors", *options.start_from));
  CHECK_FALSE(same_weights(directory / "far/last.safetensors", *options.start_from));
}

TEST_CASE("Weights to start from must be those of the network that is asked for", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)};
  TrainingOptions options = tiny();
  options.steps = 1;
  train(studies, studies, options, directory / "a", {});
  options.start_from = directory / "a/last.safetensors";
  options.dropout = 0;  // of the training, not of the weights
  train(studies, studies, options, directory / "b", {});
  CHECK(load_network(directory / "b/last.safetensors")->config().dropout == false);
  options.network.width = 16;
  CHECK_THROWS_WITH(
      train(studies, studies, options, directory / "c", {}),
      Contains("a/last.safetensors holds DeepLabV3") && Contains("width 8") && Contains("width 16"));
  options.start_from = directory / "none.safetensors";
  CHECK_THROWS_WITH(train(studies, studies, options, directory / "c", {}), Contains("none.safetensors"));
}

TEST_CASE("A network knows the sequences alone that a study to train on has", "[training]") {
  const TemporaryDirectory directory;
  std::vector<Study> studies{toy_study(0), toy_study(1)};
  studies[0].present = SlotSet("0011");
  studies[1].present = SlotSet("1001");
  TrainingOptions options = tiny();
  options.steps = 1;
  CHECK(network_to_train(studies, options).subset == SlotSet("1011"));
  train(studies, studies, options, directory / "a", {});
  CHECK(load_network(directory / "a/best.safetensors")->config().subset == SlotSet("1011"));

  options.start_from = directory / "a/best.safetensors";
  options.network = NetworkConfig();
  const std::vector<Study> whole{toy_study(0)}, pair{studies[0]};
  CHECK(network_to_train(whole, options).subset == SlotSet("1011"));  // of the weights
  CHECK(network_to_train(pair, options).subset == SlotSet("0011"));

  options = tiny();
  options.network.subset = SlotSet("0101");
  CHECK_THROWS_WITH(train(studies, studies, options, directory / "b", {}),
                    Contains("t1_se_post, which no study to train on has"));
  options = tiny();
  options.network.network = "mid-subtract";
  options.dropout = 0;
  CHECK_THROWS_WITH(train(studies, studies, options, directory / "b", {}),
                    Contains("mid-subtract") && Contains("t1_gre_post+t1_se_pre+flair"));
}

TEST_CASE("Training refuses validation studies that it can choose nothing on", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)}, healthy{toy_study(1, 0)};
  CHECK_THROWS_WITH(train(studies, healthy, tiny(), directory / "a", {}),
                    Contains("no validation study has a lesion"));
  TrainingOptions options = tiny();
  options.network.subset = SlotSet("0001");
  options.validation_subsets.push_back(SlotSet("1110"));
  CHECK_THROWS_WITH(train(studies, studies, options, directory / "a", {}),
                    Contains("no validation study has a sequence of t1_se_pre+t1_se_post+flair"));
}

TEST_CASE("Training refuses options out of range by name", "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)};
  const auto refused = [&](auto change, const std::string& name) {
    TrainingOptions options = tiny();
    change(options);
    CHECK_THROWS_WITH(train(studies, studies, options, directory / "a", {}), Contains(name));
  };
  refused([](TrainingOptions& o) { o.steps = 0; }, "steps");
  refused([](TrainingOptions& o) { o.dropout = 1; }, "dropout");
  refused([](TrainingOptions& o) { o.network.width = 4; }, "width must be at least 8");
  refused([](TrainingOptions& o) { o.positive_weight = 0; }, "positive_weight");
  refused([](TrainingOptions& o) { o.hard_pixel_share = 0; }, "hard_pixel_share");
  refused([](TrainingOptions& o) { o.precision = "float8"; }, "float8");
  refused([](TrainingOptions& o) { o.device = "gpu"; }, "'gpu'");
  refused([](TrainingOptions& o) { o.device = "cpu,cpu"; }, "shared by 2 devices");
  refused([](TrainingOptions& o) { o.sampler.batch = 1; }, "batch of 1");
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
