#include "models/model_package.h"

#include <fstream>
#include <sstream>

#include <torch/csrc/jit/api/module.h>
#include <torch/types.h>

#include "models/error.h"
#include "models/log_odds.h"
#include "models/networks/network_file.h"
#include "models/package/publish.h"
#include "models/package/sha256.h"
#include "models/segmenter.h"
#include "models/slot_list.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/tiny_network.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void replace(const std::filesystem::path& file, const std::string& from, const std::string& to) {
  std::string text = text_of(file);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  std::ofstream(file) << text;
}

/// A published package of an untrained network of the subset, of studies with the sequences `present`.
Manifest publish_tiny(const TemporaryDirectory& directory, SlotSet subset = SlotSet().set(),
                      SlotSet present = SlotSet().set(), bool simulated = false,
                      std::map<std::string, std::string> metadata = {}, int validation_studies = 5) {
  const auto toy = [&](int number) {
    Study study = toy_study(number);
    study.present = present;
    study.simulated = simulated;
    return study;
  };
  torch::manual_seed(3);
  NetworkConfig network = tiny_network();
  network.subset = subset;
  save_network(make_network(network), std::move(metadata), false, directory / "trained.safetensors");
  PublishOptions options;
  options.name = "tiny";
  options.version = "1.2";
  options.training_data = "nothing: a test";
  options.limits = "Everything.";
  options.threads = 1;
  options.mirrored = true;
  std::vector<Study> validation;
  for (int number = 0; number < validation_studies; ++number) validation.push_back(toy(number));
  const TestSet test{"Toys", {toy(1), toy(2)}, full_and_one_missing()};
  return publish(directory / "trained.safetensors", validation, {test}, options, directory / "package",
                 [](const std::string&) {});
}

}  // namespace

TEST_CASE("SHA-256 is that of the standard's examples", "[package]") {
  const TemporaryDirectory directory;
  std::ofstream(directory / "abc") << "abc";
  CHECK(sha256_of(directory / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  std::ofstream(directory / "empty").flush();
  CHECK(sha256_of(directory / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK_THROWS_AS(sha256_of(directory / "none"), Error);
}

TEST_CASE("A published package loads with what was measured, and serves", "[package]") {
  const TemporaryDirectory directory;
  const Manifest written = publish_tiny(directory);
  const ModelPackage package = ModelPackage::load(directory / "package");
  CHECK(package.manifest.name == "tiny");
  CHECK(package.manifest.version == "1.2");
  CHECK(package.manifest.network == written.network);
  CHECK(package.manifest.clahe == written.clahe);
  CHECK(package.manifest.rule.threshold == 0.5);
  CHECK(package.manifest.weights_sha256 == written.weights_sha256);
  REQUIRE(package.manifest.rules.size() == 15);
  const auto same = [&](SlotSet subset, const std::string& key) {
    const LesionRule rule = rule_for(package.manifest, subset), own = written.rules.at(key);
    CHECK(rule.threshold == Approx(own.threshold));
    CHECK(log_odds_of(rule.minimum_peak) == Approx(log_odds_of(own.minimum_peak)));
    CHECK(rule.minimum_roundness == Approx(own.minimum_roundness));
    CHECK(rule.minimum_volume_mm3 == own.minimum_volume_mm3);
  };
  same(SlotSet("0111"), "t1_gre_post+t1_se_pre+t1_se_post");
  same(SlotSet("0001"), "t1_gre_post");
  CHECK(package.manifest.rule.minimum_roundness == Approx(written.rule.minimum_roundness));
  REQUIRE(package.manifest.expected.size() == 5);
  CHECK(package.manifest.expected.count("t1_se_pre+t1_se_post+flair") == 1);
  const std::string card = text_of(directory / "package/CARD.md");
  CHECK(card.find("Not a medical device") != std::string::npos);
  CHECK(card.find("| without BRAVO |") != std::string::npos);
  const Segmenter segmenter(package, "cpu");
  const torch::Tensor images = torch::rand({4, 2, 256, 256});
  const torch::Tensor log_odds = segmenter.log_odds(images, SlotSet("0110"));
  CHECK(log_odds.sizes() == torch::IntArrayRef({2, 256, 256}));
  REQUIRE(package.manifest.mirrored_from);
  CHECK(*package.manifest.mirrored_from == Approx(*written.mirrored_from));
  CHECK(card.find("mirror images") != std::string::npos);
  const torch::Tensor mirror = segmenter.log_odds(images.flip(3), SlotSet("0110")).flip(2);
  CHECK(torch::allclose(mirror, log_odds, 0, 1e-5));
}

TEST_CASE("A TorchScript module is served, where it is allowed", "[package]") {
  const TemporaryDirectory directory;
  publish_tiny(directory);
  const auto package = directory / "package", file = package / "module.pt";
  std::string hash = ModelPackage::load(package).manifest.weights_sha256;
  const auto describe_module = [&] {
    replace(package / "model.yaml", hash, sha256_of(file));
    hash = sha256_of(file);
  };
  const std::string manifest = text_of(package / "model.yaml");
  const std::size_t begin = manifest.find("  network: "), end = manifest.find("slot_order:");
  replace(package / "model.yaml", manifest.substr(begin, end - begin),
          "  network: torchscript\n  slots: 4\n  slices: 5\n");
  torch::jit::Module mean("mean");
  mean.define("def forward(self, x):\n  return {'out': 20 * x.mean(1, keepdim=True) - 10}\n");
  mean.save(file.string());
  describe_module();
  CHECK_THROWS_WITH(ModelPackage::load(package), Contains("executable code"));
  const Segmenter segmenter(ModelPackage::load(package, true), "cpu");
  const torch::Tensor log_odds = segmenter.log_odds(torch::full({4, 2, 256, 256}, 0.5), SlotSet("0110"));
  CHECK(log_odds.abs().max().item<float>() < 1e-4F);  // half of the sequences, doubled
  torch::jit::Module other("other");
  other.define("def forward(self, x):\n  return x\n");
  other.save(file.string());
  describe_module();
  CHECK_THROWS_WITH(Segmenter(ModelPackage::load(package, true), "cpu"), Contains("other sizes"));
  std::ofstream(file) << "no module";
  describe_module();
  CHECK_THROWS_WITH(Segmenter(ModelPackage::load(package, true), "cpu"),
                    Contains("is no TorchScript module"));
}

TEST_CASE("A network of a subset is published with the figures that it has", "[package]") {
  const TemporaryDirectory directory;
  SlotSet bravo;
  bravo.set(index(Slot::t1_gre_post));
  publish_tiny(directory, bravo);
  const ModelPackage package = ModelPackage::load(directory / "package");
  CHECK(package.manifest.network.subset == bravo);
  REQUIRE(package.manifest.rules.size() == 1);
  CHECK(rule_for(package.manifest, SlotSet().set()).minimum_peak ==
        package.manifest.rules.at("t1_gre_post").minimum_peak);
  CHECK(package.manifest.expected.size() == 4);
  CHECK(package.manifest.expected.count("t1_se_pre+t1_se_post+flair") == 0);
  CHECK(text_of(directory / "package/CARD.md").find("| without BRAVO | 0 | - |") != std::string::npos);
}

TEST_CASE("Bounds are not chosen on a handful of lesions of a subset", "[package]") {
  const TemporaryDirectory directory;
  const Manifest manifest =
      publish_tiny(directory, SlotSet().set(), SlotSet().set(), false, {}, 4);  // 8 lesions
  CHECK(manifest.rules.empty());
  CHECK(rule_for(manifest, SlotSet("0001")).minimum_peak == manifest.rule.minimum_peak);
}

TEST_CASE("A package says nothing of subsets that no study shows whole", "[package]") {
  const TemporaryDirectory directory;
  publish_tiny(directory, SlotSet().set(), SlotSet("1011"));  // no CUBE post
  const Manifest manifest = ModelPackage::load(directory / "package").manifest;
  CHECK(manifest.rules.size() == 7);
  CHECK(manifest.rules.count("t1_gre_post+t1_se_pre+flair") == 1);
  CHECK(rule_for(manifest, SlotSet().set()).minimum_peak == manifest.rule.minimum_peak);
  REQUIRE(manifest.expected.size() == 1);
  CHECK(manifest.expected.count("t1_gre_post+t1_se_pre+flair") == 1);
  const std::string card = text_of(directory / "package/CARD.md");
  CHECK(card.find("2 studies, 4 lesions") != std::string::npos);
  CHECK(card.find("| all four | 0 | - |") != std::string::npos);
}

TEST_CASE("A card speaks of simulated studies where they are known to be", "[package]") {
  const TemporaryDirectory directory;
  const bool simulated = GENERATE(false, true);
  publish_tiny(directory, SlotSet().set(), SlotSet().set(), simulated);
  const std::string card = text_of(directory / "package/CARD.md");
  CHECK((card.find("easier than patients") != std::string::npos) == simulated);
}

TEST_CASE("A package says which weights its training began with, and hands that on", "[package]") {
  const TemporaryDirectory directory;
  const Manifest manifest = publish_tiny(directory, SlotSet().set(), SlotSet().set(), false,
                                         {{started_from_key, "metserve-simulated 0.8.0"}});
  CHECK(manifest.training_data == "nothing: a test, on from the weights of metserve-simulated 0.8.0");
  CHECK(title_of_weights(directory / "package/weights.safetensors") ==
        "tiny 1.2, on from metserve-simulated 0.8.0");
}

TEST_CASE("A package says which weights its own are the mean of", "[package]") {
  const TemporaryDirectory directory;
  const Manifest manifest = publish_tiny(directory, SlotSet().set(), SlotSet().set(), false,
                                         {{mean_of_key, "[a 1] and [b.safetensors, on from a 1]"}});
  CHECK(manifest.training_data ==
        "nothing: a test, the mean of the weights [a 1] and [b.safetensors, on from a 1]");
  CHECK(title_of_weights(directory / "package/weights.safetensors") ==
        "tiny 1.2, the mean of [a 1] and [b.safetensors, on from a 1]");
}

TEST_CASE("Nothing is published on validation studies without a lesion", "[package]") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH(publish(directory / "trained.safetensors", {toy_study(0, 0)},
                            {{"Toys", {toy_study(1)}, full_and_one_missing()}}, {}, directory / "package",
                            [](const std::string&) {}),
                    Contains("no validation study has a lesion"));
}

TEST_CASE("A package that does not fit is refused with what differs", "[package]") {
  const TemporaryDirectory directory;
  publish_tiny(directory);
  const auto manifest = directory / "package/model.yaml";
  const std::string good = text_of(manifest);
  const auto refused = [&](const std::string& from, const std::string& to, const std::string& reason) {
    replace(manifest, from, to);
    CHECK_THROWS_WITH(ModelPackage::load(directory / "package"), Contains(reason));
    std::ofstream(manifest) << good;
  };
  refused("version:", "verson:", "'version' is missing");
  refused("rules:\n  flair:", "rules:\n  flair: 2\n  t1_se_pre:", "'rules.flair' is not a mapping");
  refused("rules:\n  flair:\n    threshold: ", "rules:\n  flair:\n    threshold: 2",
          "'rules.flair.threshold' must be between 0 and 1");
  refused("rules:\n  flair:\n    threshold: ", "rules:\n  flair:\n    thresh: ",
          "'rules.flair.threshold' is missing");
  refused("rules:\n  flair:", "rules:\n  flair+t1_gre_post:",
          "is not a subset of t1_gre_post+t1_se_pre+t1_se_post+flair");
  refused("mirrored_from: ", "mirrored_from: 1", "'mirrored_from' must be at least 0");
  refused("minimum_roundness: ", "minimum_roundness: 2", "'minimum_roundness' must be from 0 to 1");
  refused("tiles: 8", "tiles: eight", "'clahe.tiles' has a value of the wrong type");
  refused("intended_use:", "colour: red\nintended_use:", "'colour' is not a key");
  refused("  - t1_gre_post\n", "", "slot_order");
  refused("weights_sha256: ", "weights_sha256: 0", "SHA-256");
  std::ofstream(directory / "package/weights.safetensors", std::ios::app) << "x";
  CHECK_THROWS_WITH(ModelPackage::load(directory / "package"), Contains("SHA-256"));
}
