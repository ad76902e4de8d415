#include "models/report/mosaic.h"

#include <torch/types.h>

#include "models/dropped_components.h"
#include "models/log_odds.h"

namespace metserve::models {
namespace {

std::int64_t slice_to_show(const torch::Tensor& log_odds, const torch::Tensor& truth) {
  const torch::Tensor lesion = truth.ne(0).sum({1, 2});
  if (lesion.max().item<std::int64_t>() > 0) return lesion.argmax().item<std::int64_t>();
  return log_odds.amax({1, 2}).argmax().item<std::int64_t>();
}

torch::Tensor rgb(double red, double green, double blue) {
  return torch::tensor({red, green, blue}, torch::kFloat32).view({3, 1, 1});
}

/// `colour` over `picture` [3, H, W] with opacity `share` [H, W].
torch::Tensor over(const torch::Tensor& picture, const torch::Tensor& share, const torch::Tensor& colour) {
  return picture * (1 - share) + colour * share;
}

std::string base64(const std::string& bytes) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = (group << 8) | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > bytes.size() ? '=' : digits[(group >> (18 - 6 * j)) & 63];
  }
  return text;
}

/// 24-bit BMP of [3, H, W] in 0..1; rows from the bottom up, blue first, W a multiple of four.
std::string bmp(const torch::Tensor& picture) {
  const auto height = static_cast<std::uint32_t>(picture.size(1));
  const auto width = static_cast<std::uint32_t>(picture.size(2));
  const torch::Tensor bytes =
      picture.clamp(0, 1).mul(255).round().to(torch::kUInt8).flip({0, 1}).permute({1, 2, 0}).contiguous();
  std::string header = "BM";
  const auto number = [&header](std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) header += static_cast<char>((value >> (8 * i)) & 255);
  };
  constexpr std::uint32_t header_size = 54;
  number(header_size + 3 * width * height, 4);
  number(0, 4);
  number(header_size, 4);
  number(40, 4);  // BITMAPINFOHEADER
  number(width, 4);
  number(height, 4);
  number(1, 2);
  number(24, 2);
  for (int i = 0; i < 6; ++i) number(0, 4);
  return header +
         std::string(static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(bytes.numel()));
}

}  // namespace

std::string mosaic(const torch::Tensor& log_odds, const Study& study, const LesionRule& rule) {
  const std::int64_t slice = slice_to_show(log_odds, study.truth);
  std::int64_t slot = 0;
  while (slot + 1 < study.images.size(0) && !study.present.test(static_cast<std::size_t>(slot))) ++slot;
  const torch::Tensor grey = study.images[slot][slice].to(torch::kFloat32).div(255).expand({3, -1, -1});
  const torch::Tensor probability = log_odds[slice].sigmoid(), truth = study.truth[slice].ne(0);
  const torch::Tensor found =
      without_dropped_components(log_odds, rule, study.spacing_mm)[slice].ge(log_odds_of(rule.threshold));
  const torch::Tensor heat = over(grey, probability, rgb(1, 0.65, 0));
  const auto share = [](const torch::Tensor& mask) { return mask.to(torch::kFloat32) * 0.7; };
  torch::Tensor outcome = over(grey, share(found.logical_and(truth)), rgb(0, 0.8, 0.3));
  outcome = over(outcome, share(found.logical_and(truth.logical_not())), rgb(0.2, 0.4, 1));
  outcome = over(outcome, share(truth.logical_and(found.logical_not())), rgb(1, 0.1, 0.1));
  return "data:image/bmp;base64," + base64(bmp(torch::cat({grey, heat, outcome}, 2)));
}

}  // namespace metserve::models
