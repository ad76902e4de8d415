#include "models/equaliser.h"

#include <algorithm>
#include <cmath>

namespace metserve::models {
namespace {

/// To the nearest integer, halves to even, for 0..2^22; unlike std::nearbyint it needs no call on any x86-64.
float rounded(float value) {
  constexpr float no_fraction = 3 << 22;
  return (value + no_fraction) - no_fraction;
}

/// What is no number becomes 0.
float within_01(float value) {
  const float positive = value > 0 ? value : 0;
  return positive < 1 ? positive : 1;
}

float between(float a, float b, float share) {
  return a + share * (b - a);
}

/// Largest count of a bin, for tiles of `area` pixels.
std::int32_t clip_limit(const ClaheOptions& options, std::size_t area) {
  const double limit = options.clip_limit * static_cast<double>(area) / options.bins;
  return static_cast<std::int32_t>(std::clamp(limit, 1.0, static_cast<double>(area)));
}

}  // namespace

Equaliser::Equaliser(std::size_t rows, std::size_t columns, const ClaheOptions& options)
    : rows_(rows),
      columns_(columns),
      tiles_(static_cast<std::size_t>(options.tiles)),
      bins_(static_cast<std::size_t>(options.bins)),
      tile_rows_((rows + tiles_ - 1) / tiles_),
      tile_columns_((columns + tiles_ - 1) / tiles_),
      width_(tiles_ * tile_columns_),
      down_(places(rows, tile_rows_, tiles_)),
      across_(places(columns, tile_columns_, tiles_)),
      levels_(tiles_ * tile_rows_ * width_),
      histogram_(bins_),
      limit_(clip_limit(options, tile_rows_ * tile_columns_)),
      tables_(tiles_ * tiles_ * bins_) {}

std::vector<Equaliser::Place> Equaliser::places(std::size_t length, std::size_t tile_length,
                                                std::size_t tiles) {
  std::vector<Place> result(length);
  for (std::size_t n = 0; n < length; ++n) {
    const float position = static_cast<float>(n) / static_cast<float>(tile_length) - 0.5F;
    const float lower = std::floor(position);
    const auto after = static_cast<std::size_t>(lower + 1);
    result[n] = {after == 0 ? 0 : after - 1, std::min(after, tiles - 1), position - lower};
  }
  return result;
}

void Equaliser::apply(float* slice, const Window& window, const std::vector<Run>& inside) {
  if (!inside.empty()) {
    quantise(slice, window);
    tabulate();
  }
  std::fill_n(slice, rows_ * columns_, 0.0F);
  for (const Run& run : inside) look_up(run, slice + run.row * columns_);
}

void Equaliser::quantise(const float* slice, const Window& window) {
  const float range = window.high - window.low, last = static_cast<float>(bins_ - 1);
  for (std::size_t row = 0; row < rows_; ++row, slice += columns_) {
    std::uint16_t* levels = &levels_[row * width_];
    for (std::size_t column = 0; column < columns_; ++column) {
      const float value = within_01((slice[column] - window.low) / range);
      levels[column] = static_cast<std::uint16_t>(static_cast<std::int32_t>(rounded(value * last)));
    }
    for (std::size_t column = columns_; column < width_; ++column)
      levels[column] = levels[2 * (columns_ - 1) - column];
  }
  for (std::size_t row = rows_; row < tiles_ * tile_rows_; ++row)
    std::copy_n(&levels_[(2 * (rows_ - 1) - row) * width_], width_, &levels_[row * width_]);
}

void Equaliser::tabulate() {
  const auto area = static_cast<float>(tile_rows_ * tile_columns_);
  float* table = tables_.data();
  for (std::size_t down = 0; down < tiles_; ++down)
    for (std::size_t across = 0; across < tiles_; ++across, table += bins_) {
      count(&levels_[down * tile_rows_ * width_ + across * tile_columns_]);
      clip();
      std::int32_t sum = 0;
      for (std::size_t bin = 0; bin < bins_; ++bin) {
        sum += histogram_[bin];
        table[bin] = static_cast<float>(sum) / area;
      }
    }
}

void Equaliser::count(const std::uint16_t* tile) {
  std::fill(histogram_.begin(), histogram_.end(), 0);
  for (std::size_t row = 0; row < tile_rows_; ++row, tile += width_)
    for (std::size_t column = 0; column < tile_columns_; ++column) ++histogram_[tile[column]];
}

/// Cuts the histogram at the limit and spreads what was cut off evenly; what does not divide goes to bins at
/// even distances.
void Equaliser::clip() {
  std::int32_t excess = 0;
  for (std::int32_t& pixels : histogram_) {
    excess += std::max(0, pixels - limit_);
    pixels = std::min(pixels, limit_);
  }
  const auto bins = static_cast<std::int32_t>(bins_);
  const std::int32_t each = excess / bins;
  for (std::int32_t& pixels : histogram_) pixels += each;
  const auto rest = static_cast<std::size_t>(excess % bins);
  for (std::size_t n = 0; n < rest; ++n) ++histogram_[n * (bins_ / rest)];
}

void Equaliser::look_up(const Run& run, float* row) const {
  const Place& down = down_[run.row];
  const float* above = &tables_[down.before * tiles_ * bins_];
  const float* below = &tables_[down.after * tiles_ * bins_];
  const std::uint16_t* levels = &levels_[run.row * width_];
  for (std::size_t column = run.begin; column < run.end; ++column) {
    const Place& at = across_[column];
    const std::size_t before = at.before * bins_ + levels[column], after = at.after * bins_ + levels[column];
    const float upper = between(above[before], above[after], at.share);
    const float lower = between(below[before], below[after], at.share);
    row[column] = within_01(between(upper, lower, down.share));
  }
}

}  // namespace metserve::models
