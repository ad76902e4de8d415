#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "models/error.h"
#include "models/preprocess.h"

namespace metserve::models {
namespace {

/// Where each pixel of an axis lies between tile centres: the tile before, the tile after, the share of the
/// latter. Outside the outermost centres both are the border tile.
struct TileAxis {
  torch::Tensor before;  ///< [length] int64
  torch::Tensor after;   ///< [length] int64
  torch::Tensor share;   ///< [length] float32
};

TileAxis tile_axis(std::int64_t length, std::int64_t tile_length, std::int64_t tiles, torch::Device device) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  const torch::Tensor position = torch::arange(length, options) / static_cast<double>(tile_length) - 0.5;
  const torch::Tensor lower = position.floor();
  return {lower.clamp(0, tiles - 1).to(torch::kInt64), (lower + 1).clamp(0, tiles - 1).to(torch::kInt64),
          position - lower};
}

/// Cuts `histograms` [K, bins] int64 at the limit and spreads what was cut off evenly; what does not divide
/// goes to bins at even distances.
torch::Tensor clip_histograms(const torch::Tensor& histograms, std::int64_t limit) {
  const std::int64_t bins = histograms.size(1);
  const torch::Tensor excess = (histograms - limit).clamp_min(0).sum(1, true);
  const torch::Tensor each = excess.div(bins, "floor");
  const torch::Tensor rest = excess - each * bins;
  const torch::Tensor step = torch::full_like(rest, bins).div(rest.clamp_min(1), "floor").clamp_min(1);
  const torch::Tensor bin = torch::arange(bins, histograms.options()).unsqueeze(0);
  const torch::Tensor extra = bin.remainder(step).eq(0).logical_and(bin.div(step, "floor").lt(rest));
  return histograms.clamp_max(limit) + each + extra;
}

/// One mapping per tile: [N * tiles * tiles, bins] float32 in [0, 1]. `quantised`: [N, H, W] int64 bins with
/// H and W multiples of `tiles`.
torch::Tensor tile_mappings(const torch::Tensor& quantised, const ClaheOptions& options) {
  const std::int64_t n = quantised.size(0), tiles = options.tiles;
  const std::int64_t rows = quantised.size(1) / tiles, columns = quantised.size(2) / tiles;
  const torch::Tensor tile =
      torch::arange(n * tiles * tiles, quantised.options()).mul_(options.bins).view({n, tiles, 1, tiles, 1});
  const torch::Tensor index = (quantised.view({n, tiles, rows, tiles, columns}) + tile).flatten();
  const torch::Tensor histograms =
      torch::bincount(index, {}, n * tiles * tiles * options.bins).view({n * tiles * tiles, options.bins});
  const std::int64_t area = rows * columns;
  const auto limit = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(options.clip_limit * static_cast<double>(area) / options.bins));
  return clip_histograms(histograms, limit).cumsum(1).to(torch::kFloat32).div_(static_cast<double>(area));
}

torch::Tensor clahe_batch(const torch::Tensor& slices, const ClaheOptions& options) {
  const std::int64_t n = slices.size(0), height = slices.size(1), width = slices.size(2),
                     tiles = options.tiles;
  const torch::Tensor quantised = slices.mul(options.bins - 1).round_().to(torch::kInt64);
  const std::int64_t pad_rows = (tiles - height % tiles) % tiles,
                     pad_columns = (tiles - width % tiles) % tiles;
  torch::Tensor padded = quantised;
  if (pad_rows + pad_columns > 0)
    padded = torch::reflection_pad2d(quantised.to(torch::kFloat32), {0, pad_columns, 0, pad_rows})
                 .to(torch::kInt64);
  const torch::Tensor mappings = tile_mappings(padded, options).flatten();
  const TileAxis y = tile_axis(height, padded.size(1) / tiles, tiles, slices.device());
  const TileAxis x = tile_axis(width, padded.size(2) / tiles, tiles, slices.device());
  const torch::Tensor slice = torch::arange(n, quantised.options()).mul_(tiles * tiles).view({n, 1, 1});
  const auto mapped = [&](const torch::Tensor& row, const torch::Tensor& column) {
    const torch::Tensor tile = slice + row.mul(tiles).view({1, height, 1}) + column.view({1, 1, width});
    return mappings.take(tile.mul_(options.bins).add_(quantised));
  };
  const torch::Tensor column_share = x.share.view({1, 1, width});
  const torch::Tensor upper =
      torch::lerp(mapped(y.before, x.before), mapped(y.before, x.after), column_share);
  const torch::Tensor lower = torch::lerp(mapped(y.after, x.before), mapped(y.after, x.after), column_share);
  return torch::lerp(upper, lower, y.share.view({1, height, 1})).clamp_(0, 1);
}

void check(const torch::Tensor& slices, const ClaheOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(Error::Kind::bad_input, "clahe: " + what); };
  if (options.tiles < 1 || options.tiles > 32) refuse("tiles must be in 1..32");
  if (options.bins < 16 || options.bins > 4096) refuse("bins must be in 16..4096");
  if (!(options.clip_limit >= 1)) refuse("clip_limit must be at least 1");
  if (slices.dim() != 3 || slices.scalar_type() != torch::kFloat32)
    refuse("slices must be [N, H, W] float32");
  if (std::min(slices.size(1), slices.size(2)) < 2 * options.tiles)
    refuse("slices must be at least two pixels per tile");
}

}  // namespace

torch::Tensor clahe(const torch::Tensor& slices, const ClaheOptions& options) {
  check(slices, options);
  torch::NoGradGuard no_grad;
  // On a CPU the temporaries of a few slices stay in the cache; a GPU takes all at once.
  const std::int64_t batch = slices.is_cuda() ? 256 : 2;
  torch::Tensor result = torch::empty_like(slices);
  for (std::int64_t i = 0; i < slices.size(0); i += batch) {
    const std::int64_t end = std::min(i + batch, slices.size(0));
    result.slice(0, i, end).copy_(clahe_batch(slices.slice(0, i, end).contiguous(), options));
  }
  return result;
}

}  // namespace metserve::models
