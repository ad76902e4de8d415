#include "models/preprocess.h"

#include <algorithm>

#include <torch/nn/functional/upsampling.h>

#include "models/error.h"

namespace metserve::models {
namespace {

namespace fn = torch::nn::functional;

constexpr std::int64_t mask_size = 64;  ///< pixels along the shorter axis that the mask is found at
constexpr double mask_level = 0.07;     ///< of the way from air to the 98th percentile; above it is head
constexpr std::int64_t quantile_count = 200'000;

torch::Tensor dilate(const torch::Tensor& mask, std::int64_t radius) {
  return torch::max_pool2d(mask, 2 * radius + 1, 1, radius);
}

torch::Tensor erode(const torch::Tensor& mask, std::int64_t radius) {
  return 1 - dilate(1 - mask, radius);
}

/// The quantile of a regular sample of the values: exact order statistics are not needed and sorting is slow.
double sampled_quantile(const torch::Tensor& values, double share) {
  const std::int64_t step = std::max<std::int64_t>(1, values.numel() / quantile_count);
  const torch::Tensor sample = values.flatten().slice(0, 0, values.numel(), step);
  const auto rank = static_cast<std::int64_t>(share * static_cast<double>(sample.numel() - 1));
  return std::get<0>(sample.kthvalue(rank + 1)).item<double>();
}

/// Everything that cannot be reached from the slice's border through background.
/// `mask`: [N, 1, H, W] float32, 0 or 1.
torch::Tensor fill_holes(const torch::Tensor& mask) {
  const auto sees_border = [&](std::int64_t dim) {
    const torch::Tensor forward = mask.cumsum(dim);
    const torch::Tensor backward = mask.flip(dim).cumsum(dim).flip(dim);
    return torch::logical_or(forward == 0, backward == 0);
  };
  const torch::Tensor background = 1 - mask;
  torch::Tensor outside = torch::logical_or(sees_border(2), sees_border(3)).to(torch::kFloat32);
  // The straight lines of sight leave only bays around corners, which a flood reaches in a few rounds.
  for (double reached = -1; reached != outside.sum().item<double>();) {
    reached = outside.sum().item<double>();
    for (int i = 0; i < 4; ++i) outside = dilate(outside, 1) * background;
  }
  return 1 - outside;
}

void check_volume(const torch::Tensor& volume) {
  if (volume.dim() != 3 || volume.scalar_type() != torch::kFloat32)
    throw Error(Error::Kind::bad_input, "preprocess: a volume must be [D, H, W] float32");
}

}  // namespace

torch::Tensor head_mask(const torch::Tensor& volume) {
  check_volume(volume);
  torch::NoGradGuard no_grad;
  const std::int64_t factor = std::max<std::int64_t>(1, std::min(volume.size(1), volume.size(2)) / mask_size);
  const torch::Tensor coarse = torch::avg_pool2d(volume.unsqueeze(1), factor, factor, 0, true);
  // Air is what the darkest tenth holds; its mean is not zero in magnitude images.
  const double air = std::max(0.0, sampled_quantile(coarse, 0.10)), bright = sampled_quantile(coarse, 0.98);
  torch::Tensor mask = (coarse > air + mask_level * (bright - air)).to(torch::kFloat32);
  mask =
      erode(fill_holes(dilate(mask, 2)), 2);  // bone and sinuses are dark: closed before specks are removed
  mask = dilate(erode(mask, 1), 1);
  mask = fn::interpolate(mask, fn::InterpolateFuncOptions()
                                   .size(std::vector<std::int64_t>{volume.size(1), volume.size(2)})
                                   .mode(torch::kBilinear)
                                   .align_corners(false));
  return mask.squeeze(1) > 0.5;
}

torch::Tensor preprocess_sequence(const torch::Tensor& volume, const ClaheOptions& options) {
  torch::NoGradGuard no_grad;
  const torch::Tensor mask = head_mask(volume);
  const torch::Tensor inside = volume.masked_select(mask);
  if (inside.numel() == 0) return torch::zeros_like(volume);
  const double low = sampled_quantile(inside, 0.005), high = sampled_quantile(inside, 0.998);
  if (!(high > low)) return torch::zeros_like(volume);
  return clahe(((volume - low) / (high - low)).clamp_(0, 1), options).mul_(mask);
}

}  // namespace metserve::models
