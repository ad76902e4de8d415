#include "models/mask_slice.h"

#include <algorithm>
#include <utility>

namespace metserve::models {
namespace {

/// Ones wherever `from` has them.
void add(std::uint8_t* to, const std::uint8_t* from, std::size_t count) {
  for (std::size_t n = 0; n < count; ++n) to[n] |= from[n];
}

/// Ones within `radius` rows and columns of a one.
void dilate(MaskSlice& mask, std::size_t radius) {
  const std::size_t rows = mask.rows, columns = mask.columns;
  std::vector<std::uint8_t> wide = mask.pixels;
  for (std::size_t shift = 1; shift <= std::min(radius, columns - 1); ++shift)
    for (std::size_t row = 0; row < rows; ++row) {
      const std::uint8_t* from = &mask.pixels[row * columns];
      add(&wide[row * columns + shift], from, columns - shift);
      add(&wide[row * columns], from + shift, columns - shift);
    }
  mask.pixels = wide;
  for (std::size_t shift = 1; shift <= std::min(radius, rows - 1); ++shift) {
    const std::size_t count = (rows - shift) * columns;
    add(&mask.pixels[shift * columns], wide.data(), count);
    add(mask.pixels.data(), &wide[shift * columns], count);
  }
}

void invert(MaskSlice& mask) {
  for (std::uint8_t& pixel : mask.pixels) pixel ^= 1;
}

/// Zeros within `radius` of a zero; what is beyond the slice counts as ones.
void erode(MaskSlice& mask, std::size_t radius) {
  invert(mask);
  dilate(mask, radius);
  invert(mask);
}

/// Everything that cannot be reached from the slice's border through background.
void fill_holes(MaskSlice& mask) {
  MaskSlice filled{mask.rows, mask.columns, std::vector<std::uint8_t>(mask.pixels.size(), 1)};
  struct Place {
    std::size_t row, column;
  };
  std::vector<Place> reached;  // whose neighbours are still to be looked at
  const auto reach = [&](std::size_t row, std::size_t column) {
    const std::size_t at = row * mask.columns + column;
    if (mask.pixels[at] != 0 || filled.pixels[at] == 0) return;
    filled.pixels[at] = 0;
    reached.push_back({row, column});
  };
  for (std::size_t row = 0; row < mask.rows; ++row) reach(row, 0), reach(row, mask.columns - 1);
  for (std::size_t column = 0; column < mask.columns; ++column)
    reach(0, column), reach(mask.rows - 1, column);
  while (!reached.empty()) {
    const Place at = reached.back();
    reached.pop_back();
    const std::size_t last_row = std::min(at.row + 1, mask.rows - 1),
                      last_column = std::min(at.column + 1, mask.columns - 1);
    for (std::size_t row = std::max<std::size_t>(at.row, 1) - 1; row <= last_row; ++row)
      for (std::size_t column = std::max<std::size_t>(at.column, 1) - 1; column <= last_column; ++column)
        reach(row, column);
  }
  mask = std::move(filled);
}

/// Where the pixels of a finer axis lie between those of a coarser one.
struct Between {
  std::size_t lower, upper;
  float share;  ///< of the upper
};

std::vector<Between> between(std::size_t coarse, std::size_t fine) {
  const float scale = static_cast<float>(coarse) / static_cast<float>(fine);
  std::vector<Between> result(fine);
  for (std::size_t n = 0; n < fine; ++n) {
    const float index = std::max(0.0F, (static_cast<float>(n) + 0.5F) * scale - 0.5F);
    const auto lower = static_cast<std::size_t>(index);
    result[n] = {lower, std::min(lower + 1, coarse - 1), index - static_cast<float>(lower)};
  }
  return result;
}

}  // namespace

void enclose(MaskSlice& mask) {
  dilate(mask, 2);
  fill_holes(mask);
  erode(mask, 3);  // 2 to undo the dilation, 1 that specks do not survive
  dilate(mask, 1);
}

std::vector<Run> runs_of(const MaskSlice& mask, std::size_t rows, std::size_t columns) {
  const std::vector<Between> down = between(mask.rows, rows), across = between(mask.columns, columns);
  const auto is_set = [](std::uint8_t pixel) { return pixel != 0; };
  std::vector<float> line(mask.columns);
  std::vector<Run> runs;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::uint8_t* above = &mask.pixels[down[row].lower * mask.columns];
    const std::uint8_t* below = &mask.pixels[down[row].upper * mask.columns];
    const float share = down[row].share;
    if (std::none_of(above, above + mask.columns, is_set) &&
        std::none_of(below, below + mask.columns, is_set))
      continue;
    for (std::size_t n = 0; n < line.size(); ++n)
      line[n] = static_cast<float>(above[n]) * (1 - share) + static_cast<float>(below[n]) * share;
    bool inside = false;
    for (std::size_t column = 0; column < columns; ++column) {
      const Between& at = across[column];
      const bool now = line[at.lower] * (1 - at.share) + line[at.upper] * at.share > 0.5F;
      if (now && !inside) runs.push_back({row, column, columns});
      if (!now && inside) runs.back().end = column;
      inside = now;
    }
  }
  return runs;
}

}  // namespace metserve::models
