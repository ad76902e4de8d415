#include "models/study.h"

#include <cmath>
#include <vector>

#include <torch/types.h>

#include "models/error.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

TEST_CASE("A study comes back from its file as it was written", "[study]") {
  const TemporaryDirectory directory;
  Study study = toy_study(1);
  study.present = SlotSet("0111");
  write_study(study, {}, directory / "a.safetensors");
  const Study read = read_study(directory / "a.safetensors", {});
  CHECK(read.name == study.name);
  CHECK(read.present == study.present);
  CHECK_FALSE(read.simulated);
  CHECK(read.spacing_mm == study.spacing_mm);
  CHECK(torch::equal(read.images, study.images));
  CHECK(torch::equal(read.truth, study.truth));
}

TEST_CASE("A study file says when the simulator made it", "[study]") {
  const TemporaryDirectory directory;
  Study study = toy_study(1);
  study.simulated = true;
  write_study(study, {}, directory / "a.safetensors");
  CHECK(read_study(directory / "a.safetensors", {}).simulated);
}

TEST_CASE("A sequence without signal is not present", "[study]") {
  const std::vector<std::int64_t> size{8, 64, 64};
  torch::Tensor head = torch::zeros(size);
  head.narrow(1, 8, 48).narrow(2, 8, 48).copy_(torch::rand({8, 48, 48}).add_(1));
  const torch::Tensor truth = torch::zeros(size, torch::kInt16);
  const std::vector<torch::Tensor> blanks{torch::zeros(size), torch::full(size, 7.0F),
                                          torch::full(size, std::nanf("")), -head};
  const torch::Tensor blank = blanks[GENERATE(0U, 1U, 2U, 3U)];
  CHECK(make_study("a", {head, blank, {}, {}}, truth, {}).present == SlotSet("0001"));
  CHECK_THROWS_WITH(make_study("a", {blank, {}, {}, {}}, truth, {}), Contains("a: no sequence"));
}

TEST_CASE("A study that was preprocessed with other values is refused", "[study]") {
  const TemporaryDirectory directory;
  write_study(toy_study(1), {}, directory / "a.safetensors");
  CHECK_THROWS_WITH(read_study(directory / "a.safetensors", {8, 256, 3.0}), Contains("clip_limit"));
  CHECK_THROWS_WITH(read_studies(directory.path() / "none", {}), Contains("none"));
}

TEST_CASE("Lesions are listed with their boxes", "[study]") {
  const auto lesions = list_lesions({toy_study(0), toy_study(1, 3)});
  REQUIRE(lesions.size() == 5);
  CHECK(lesions[0].study == 0);
  CHECK(lesions[0].number == 1);
  CHECK(lesions[0].voxels == 75);
  CHECK(lesions[0].first == std::array<std::int64_t, 3>{2, 12, 12});
  CHECK(lesions[0].last == std::array<std::int64_t, 3>{4, 16, 16});
  CHECK(lesions[4].study == 1);
}
