#include "models/sampler.h"

#include <random>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "tests/catch.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;

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

namespace {

/// Two lesions of equal size that lie in the slices 2 to 4 and 5 to 19 of 24.
Study short_and_long_lesion() {
  Study study = toy_study(0, 0);
  study.images = study.images.repeat({1, 3, 1, 1});
  study.truth = torch::zeros({24, 64, 64}, torch::kInt16);
  study.truth.narrow(0, 2, 3).narrow(1, 20, 10).narrow(2, 20, 5).fill_(1);
  study.truth.narrow(0, 5, 15).narrow(1, 40, 2).narrow(2, 40, 5).fill_(2);
  return study;
}

/// The share of a thousand crops whose centre slice shows a lesion, and of those the share with the long one.
std::pair<double, double> shares_of(const Study& study, SamplerOptions options) {
  options.crop = 64;
  options.batch = 1000;
  options.upright = true;
  options.scale_jitter = 0;
  const std::vector<Study> studies{study};
  std::mt19937_64 random(4);
  const torch::Tensor area = Sampler(studies, options).draw(random).target.sum({1, 2, 3});
  const auto with = static_cast<double>(area.gt(0).sum().item<std::int64_t>());
  return {with / 1000, static_cast<double>(area.eq(10).sum().item<std::int64_t>()) / with};
}

}  // namespace

TEST_CASE("By lesion small and large ones are drawn alike, by slice as often as they are in one",
          "[sampler]") {
  const Study study = short_and_long_lesion();
  SamplerOptions options;
  options.lesion_share = 1;
  CHECK(shares_of(study, options).second == Approx(0.5).margin(0.06));
  options.by_slice = true;
  CHECK(shares_of(study, options).second == Approx(15.0 / 18).margin(0.05));
}

TEST_CASE("Oversampled slices with a lesion come as many times as often as others", "[sampler]") {
  const Study study = short_and_long_lesion();  // 18 slices of 24 have a lesion
  SamplerOptions options;
  options.by_slice = true;
  options.oversampling = 1;
  CHECK(shares_of(study, options).first == Approx(18.0 / 24).margin(0.06));
  options.oversampling = 10;
  CHECK(shares_of(study, options).first == Approx(180.0 / 186).margin(0.02));
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
  options.oversampling = 10;
  CHECK_THROWS_WITH(Sampler(studies, options), Contains("by_slice"));
  options.by_slice = true;
  options.oversampling = 0.5;
  CHECK_THROWS_WITH(Sampler(studies, options), Contains("at least 1"));
}
