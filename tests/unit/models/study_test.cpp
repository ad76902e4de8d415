#include "models/study.h"

#include <cmath>
#include <vector>

#include <torch/types.h>

#include "models/error.h"
#include "models/sampler.h"
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

TEST_CASE("A batch depends on the state of the random numbers alone", "[sampler]") {
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  SamplerOptions options;
  options.crop = 32;
  options.batch = 6;
  const Sampler sampler(studies, options);
  std::mt19937_64 a(9), b(9), c(10);
  const Batch first = sampler.draw(a), second = sampler.draw(b), other = sampler.draw(c);
  CHECK(first.input.sizes() == torch::IntArrayRef({6, 20, 32, 32}));
  CHECK(first.target.sizes() == torch::IntArrayRef({6, 1, 32, 32}));
  CHECK(torch::equal(first.input, second.input));
  CHECK(torch::equal(first.target, second.target));
  CHECK_FALSE(torch::equal(first.input, other.input));
}

TEST_CASE("Every crop of a lesion holds it, at the place where the images are bright", "[sampler]") {
  const std::vector<Study> studies{toy_study(0), toy_study(1)};
  SamplerOptions options;
  options.crop = 32;
  options.batch = 16;
  options.lesion_share = 1;
  options.gamma_jitter = 0;
  options.scale_jitter = 0;
  const Sampler sampler(studies, options);
  std::mt19937_64 random(4);
  const Batch batch = sampler.draw(random);
  for (std::int64_t i = 0; i < 16; ++i) {
    CHECK(batch.target[i].sum().item<float>() > 0);
    const torch::Tensor bright = batch.input[i][2].gt(0.7);  // the centre slice of the first sequence
    CHECK(torch::equal(bright, batch.target[i][0].gt(0)));
  }
}

TEST_CASE("Upright crops are the study's own or its mirror image", "[sampler]") {
  const std::vector<Study> studies{toy_study(0)};
  const Study& study = studies[0];
  SamplerOptions options;
  options.crop = 64;  // the whole plane, so that a slice has one crop
  options.batch = 32;
  options.gamma_jitter = 0;
  options.scale_jitter = 0;
  options.upright = true;
  std::mt19937_64 random(4);
  const Batch batch = Sampler(studies, options).draw(random);
  int own = 0, mirrored = 0;
  for (std::int64_t i = 0; i < options.batch; ++i) {
    for (std::int64_t slice = 0; slice < study.images.size(1); ++slice) {
      const torch::Tensor around = torch::arange(slice - 2, slice + 3).clamp(0, study.images.size(1) - 1);
      const torch::Tensor stack =
          study.images.index_select(1, around).flatten(0, 1).to(torch::kFloat32) / 255;
      const torch::Tensor truth = study.truth[slice].gt(0).to(torch::kFloat32);
      const auto is = [&](const torch::Tensor& image, const torch::Tensor& target) {
        return torch::equal(batch.input[i], image) && torch::equal(batch.target[i][0], target);
      };
      own += is(stack, truth) ? 1 : 0;
      mirrored += is(stack.flip(-1), truth.flip(-1)) ? 1 : 0;
    }
  }
  CHECK(own > 0);
  CHECK(mirrored > 0);
  CHECK(own + mirrored == options.batch);
}

TEST_CASE("A sampler refuses options out of range and studies without a lesion", "[sampler]") {
  const std::vector<Study> studies{toy_study(0)}, without{toy_study(0, 0)};
  SamplerOptions options;
  options.crop = 33;
  CHECK_THROWS_WITH(Sampler(studies, options), Contains("crop"));
  options.crop = 128;
  CHECK_THROWS_WITH(Sampler(studies, options), Contains("smaller than the crop"));
  options.crop = 32;
  CHECK_THROWS_WITH(Sampler(without, options), Contains("lesion"));
}
