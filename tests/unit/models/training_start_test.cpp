#include <string>
#include <vector>

#include <torch/types.h>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "models/training_settings.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/toy_study.h"
#include "tests/unit/models/training_fixture.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

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
