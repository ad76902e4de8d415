#include "models/preprocess.h"

#include <limits>
#include <vector>

#if __has_include(<opencv2/imgproc.hpp>)
#include <opencv2/imgproc.hpp>
#define METSERVE_HAS_OPENCV
#endif
#include <ATen/Parallel.h>
#include <torch/types.h>

#include "models/error.h"
#include "models/mask_slice.h"
#include "tests/catch.h"

using namespace metserve::models;

namespace {

/// Something with structure at every scale: [n, size, size] in [0, 1].
torch::Tensor textured(std::int64_t n, std::int64_t size) {
  torch::manual_seed(3);
  torch::Tensor image = torch::zeros({n, 1, size, size});
  for (std::int64_t coarse : {4, 16, 64})
    image += torch::upsample_bilinear2d(torch::rand({n, 1, coarse, coarse}), {size, size}, false) / 3;
  return image.squeeze(1).clamp(0, 1);
}

/// An ellipsoid with a dark shell inside its surface and a dark hole open to nothing, in noise.
torch::Tensor ball(std::int64_t depth, std::int64_t size) {
  torch::manual_seed(5);
  const auto axis = [](std::int64_t n) { return (torch::arange(n, torch::kFloat32) + 0.5) / (0.5 * n) - 1; };
  const torch::Tensor z = axis(depth).view({-1, 1, 1}), y = axis(size).view({1, -1, 1}),
                      x = axis(size).view({1, 1, -1});
  const torch::Tensor r = (z.square() / 4 + (y / 0.8).square() + (x / 0.6).square()).sqrt();
  torch::Tensor volume = 500 * r.lt(1).to(torch::kFloat32);
  volume.masked_fill_(r.gt(0.85).logical_and(r.lt(0.92)), 0);  // bone
  volume.masked_fill_(r.lt(0.3), 0);                           // a cavity
  return volume + 10 * torch::rand_like(volume);
}

}  // namespace

#ifdef METSERVE_HAS_OPENCV
TEST_CASE("CLAHE agrees with OpenCV's to one grey level", "[preprocess][clahe]") {
  const torch::Tensor image = textured(3, 256).mul(255).round().div(255);
  for (double clip : {1.0, 2.0, 6.5}) {
    ClaheOptions options;
    options.clip_limit = clip;
    const torch::Tensor ours = clahe(image, options).mul(255);
    for (std::int64_t i = 0; i < image.size(0); ++i) {
      torch::Tensor bytes = image[i].mul(255).round().to(torch::kUInt8).contiguous();
      torch::Tensor expected = torch::empty_like(bytes);
      const cv::Mat in(256, 256, CV_8UC1, bytes.data_ptr());
      cv::Mat out(256, 256, CV_8UC1, expected.data_ptr());
      cv::createCLAHE(clip, {8, 8})->apply(in, out);
      CHECK((ours[i] - expected.to(torch::kFloat32)).abs().max().item<float>() <= 1.01F);
    }
  }
}

TEST_CASE("CLAHE agrees with OpenCV's where tiles reach beyond the image", "[preprocess][clahe]") {
  torch::Tensor bytes = textured(1, 256)[0].slice(0, 0, 251).slice(1, 0, 203).mul(255).to(torch::kUInt8);
  bytes = bytes.contiguous();
  torch::Tensor expected = torch::empty_like(bytes);
  const cv::Mat in(251, 203, CV_8UC1, bytes.data_ptr());
  cv::Mat out(251, 203, CV_8UC1, expected.data_ptr());
  cv::createCLAHE(2.0, {8, 8})->apply(in, out);
  const torch::Tensor ours = clahe(bytes.to(torch::kFloat32).div(255).unsqueeze(0), {})[0].mul(255);
  CHECK((ours - expected.to(torch::kFloat32)).abs().max().item<float>() <= 1.01F);
}
#endif

TEST_CASE("CLAHE of a slice does not depend on the slices beside it", "[preprocess][clahe]") {
  const torch::Tensor image = textured(5, 128);
  const torch::Tensor together = clahe(image, {});
  CHECK(torch::equal(together.slice(0, 3, 4), clahe(image.slice(0, 3, 4), {})));
  CHECK(together.min().item<float>() >= 0.0F);
  CHECK(together.max().item<float>() <= 1.0F);
}

TEST_CASE("CLAHE takes sizes that do not divide into tiles", "[preprocess][clahe]") {
  CHECK(clahe(textured(1, 64).slice(1, 0, 61).slice(2, 0, 50), {}).sizes() ==
        torch::IntArrayRef({1, 61, 50}));
}

TEST_CASE("CLAHE refuses options out of range by name", "[preprocess][clahe]") {
  using Catch::Matchers::Contains;
  const torch::Tensor image = textured(1, 64);
  CHECK_THROWS_WITH(clahe(image, {0, 256, 2.0}), Contains("tiles"));
  CHECK_THROWS_WITH(clahe(image, {8, 8, 2.0}), Contains("bins"));
  CHECK_THROWS_WITH(clahe(image, {8, 256, 0.5}), Contains("clip_limit"));
  CHECK_THROWS_WITH(clahe(image.to(torch::kUInt8), {}), Contains("float32"));
}

TEST_CASE("The head mask fills bone and cavities and leaves the air out", "[preprocess]") {
  const torch::Tensor volume = ball(12, 256);
  const torch::Tensor mask = head_mask(volume);
  REQUIRE(mask.sizes() == volume.sizes());
  CHECK(mask[6][128][128].item<bool>());             // the cavity
  CHECK(mask[6][128][128 + 68].item<bool>());        // the bone: r = 0.885
  CHECK_FALSE(mask[6][128][128 + 84].item<bool>());  // outside: r = 1.09
  CHECK_FALSE(mask[6][4][4].item<bool>());
}

TEST_CASE("The head mask does not depend on the unit of intensity", "[preprocess]") {
  const torch::Tensor volume = ball(6, 128);
  CHECK(torch::equal(head_mask(volume), head_mask(volume * 0.001)));
}

TEST_CASE("A preprocessed sequence is in 0..1, zero in the air, and independent of scale and offset of units",
          "[preprocess]") {
  const torch::Tensor volume = ball(6, 256);
  const torch::Tensor result = preprocess_sequence(volume, {});
  CHECK(result.sizes() == volume.sizes());
  CHECK(result.min().item<float>() >= 0.0F);
  CHECK(result.max().item<float>() <= 1.0F);
  CHECK(result.masked_select(head_mask(volume).logical_not()).abs().max().item<float>() == 0.0F);
  CHECK((preprocess_sequence(volume * 7, {}) - result).abs().max().item<float>() < 0.02F);
}

TEST_CASE("An empty volume becomes zeros", "[preprocess]") {
  CHECK(preprocess_sequence(torch::zeros({3, 256, 256}), {}).abs().max().item<float>() == 0.0F);
  CHECK(preprocess_sequence(torch::full({3, 256, 256}, 7.0F), {}).abs().max().item<float>() == 0.0F);
}

TEST_CASE("Preprocessing gives the same bytes for every number of threads, and in place", "[preprocess]") {
  const torch::Tensor volume = ball(9, 256);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const torch::Tensor alone = preprocess_sequence(volume, {});
  at::set_num_threads(3);
  CHECK(torch::equal(preprocess_sequence(volume, {}), alone));
  at::set_num_threads(threads);
  const torch::Tensor changed = volume.clone();
  preprocess_sequence_(changed, {});
  CHECK(torch::equal(changed, alone));
  CHECK_THROWS_AS(preprocess_sequence_(volume.transpose(1, 2), {}), Error);
}

TEST_CASE("Voxels that are no numbers do no harm beyond their place", "[preprocess]") {
  torch::Tensor volume = ball(6, 256);
  volume[3][128][190] = std::numeric_limits<float>::quiet_NaN();
  volume[3][128][191] = std::numeric_limits<float>::infinity();
  const torch::Tensor result = preprocess_sequence(volume, {});
  CHECK(result.isfinite().all().item<bool>());
  CHECK(result.max().item<float>() <= 1.0F);
}

TEST_CASE("A coarse mask is interpolated as LibTorch does it", "[preprocess][mask]") {
  torch::manual_seed(11);
  const torch::Tensor coarse = torch::rand({16, 20}).gt(0.5).to(torch::kFloat32);
  for (std::int64_t rows : {64, 50}) {
    const std::int64_t columns = 80;
    MaskSlice mask{16, 20, std::vector<std::uint8_t>(16 * 20)};
    for (std::size_t n = 0; n < mask.pixels.size(); ++n)
      mask.pixels[n] = coarse.data_ptr<float>()[n] > 0 ? 1 : 0;
    torch::Tensor inside = torch::zeros({rows, columns}, torch::kBool);
    for (const Run& run : runs_of(mask, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)))
      inside[static_cast<std::int64_t>(run.row)].slice(0, static_cast<std::int64_t>(run.begin),
                                                       static_cast<std::int64_t>(run.end)) = true;
    const torch::Tensor fine =
        torch::upsample_bilinear2d(coarse.view({1, 1, 16, 20}), {rows, columns}, false)[0][0];
    const torch::Tensor tie = fine.sub(0.5).abs().lt(1e-5);
    CHECK_FALSE(inside.ne(fine.gt(0.5)).logical_and(tie.logical_not()).any().item<bool>());
    CHECK(tie.sum().item<std::int64_t>() < rows * columns / 20);
  }
}

TEST_CASE("Enclosing closes gaps, fills holes and removes specks", "[preprocess][mask]") {
  MaskSlice mask{20, 20, std::vector<std::uint8_t>(400)};
  const auto at = [&mask](std::size_t row, std::size_t column) -> std::uint8_t& {
    return mask.pixels[row * mask.columns + column];
  };
  for (std::size_t n = 4; n < 16; ++n) at(4, n) = at(15, n) = at(n, 4) = at(n, 15) = 1;  // a ring
  at(9, 4) = at(10, 4) = 0;                                                              // with a gap
  at(0, 0) = 1;                                                                          // a speck
  enclose(mask);
  for (std::size_t row = 0; row < 20; ++row)
    for (std::size_t column = 0; column < 20; ++column)
      CHECK(int{at(row, column)} == int{row >= 4 && row < 16 && column >= 4 && column < 16});
}
