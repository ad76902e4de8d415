#include "pipeline/preview.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "pipeline/preview_canvas.h"

namespace metserve::pipeline {

namespace {

constexpr int tile = 384;  // pixels along each edge of one slice
constexpr int columns = 3;
constexpr std::size_t most_tiles = 6;
constexpr int banner = 48;
constexpr Colour white{255, 255, 255};
constexpr Colour amber{255, 190, 0};

Colour lesion_colour(std::size_t number) {
  constexpr std::array<Colour, 6> colours{
      {{255, 80, 80}, {80, 220, 120}, {90, 170, 255}, {255, 220, 60}, {230, 110, 255}, {60, 230, 230}}};
  return colours[(number - 1) % colours.size()];
}

/// The slice on which each lesion is largest, largest lesion first, each slice once.
std::vector<std::size_t> lesion_slices(const StudyResult& result) {
  const auto& size = result.reference.volume.geometry.size;
  const std::size_t plane = size[0] * size[1];
  const std::size_t lesions = result.lesions.lesions.size();
  std::vector<std::size_t> voxels(lesions * size[2]);
  for (std::size_t v = 0; v < result.lesions.labels.size(); ++v)
    if (const std::size_t number = result.lesions.labels[v]; number > 0)
      ++voxels[(number - 1) * size[2] + v / plane];
  std::vector<std::size_t> slices;
  for (std::size_t lesion = 0; lesion < lesions && slices.size() < most_tiles; ++lesion) {
    const auto first = voxels.begin() + static_cast<std::ptrdiff_t>(lesion * size[2]);
    const auto most = std::max_element(first, first + static_cast<std::ptrdiff_t>(size[2]));
    const auto slice = static_cast<std::size_t>(most - first);
    if (std::find(slices.begin(), slices.end(), slice) == slices.end()) slices.push_back(slice);
  }
  return slices;
}

/// Three slices across the volume, for when there is no lesion to show.
std::vector<std::size_t> overview_slices(std::size_t slices) {
  return {slices * 2 / 5, slices / 2, slices * 3 / 5};
}

/// From voxel values to grey values.
struct Window {
  float low = 0, high = 1;

  std::uint8_t grey(float value) const {
    return static_cast<std::uint8_t>(std::lround(255 * std::clamp((value - low) / (high - low), 0.0F, 1.0F)));
  }
};

Window window_of(const std::vector<float>& voxels) {
  std::vector<float> some;
  const std::size_t stride = std::max<std::size_t>(1, voxels.size() / 200000);
  for (std::size_t v = 0; v < voxels.size(); v += stride) some.push_back(voxels[v]);
  const auto high = some.begin() + static_cast<std::ptrdiff_t>(0.985 * static_cast<double>(some.size() - 1));
  std::nth_element(some.begin(), high, some.end());
  const float low = *std::min_element(some.begin(), some.end());
  return {low, std::max(*high, low + 1)};
}

/// One slice of the reference, fitted into a square so that millimetres are as long in both directions.
class Tile {
 public:
  Tile(const StudyResult& result, std::size_t slice, int left, int top)
      : result_(result), slice_(slice), left_(left), top_(top) {
    const auto& geometry = result.reference.volume.geometry;
    for (std::size_t axis = 0; axis < 2; ++axis)
      extent_mm_[axis] = geometry.spacing_mm[axis] * static_cast<double>(geometry.size[axis]);
    mm_per_pixel_ = std::max(extent_mm_[0], extent_mm_[1]) / tile;
  }

  void draw(Canvas& canvas, const Window& window) const {
    for (int y = 0; y < tile; ++y)
      for (int x = 0; x < tile; ++x)
        if (const auto voxel = voxel_at(x, y); voxel >= 0) {
          const std::size_t at = static_cast<std::size_t>(voxel);
          const std::uint8_t grey = window.grey(result_.reference.volume.voxels[at]);
          canvas.at(left_ + x, top_ + y) = {grey, grey, grey};
          if (const std::size_t lesion = edge_of(x, y); lesion > 0)
            canvas.at(left_ + x, top_ + y) = lesion_colour(lesion);
        }
    draw_numbers(canvas);
  }

 private:
  /// Index of the voxel under a pixel, or -1 beside the slice.
  std::ptrdiff_t voxel_at(int x, int y) const {
    const auto& geometry = result_.reference.volume.geometry;
    const std::array<int, 2> pixel{x, y};
    std::array<std::size_t, 2> index{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const double from_middle = (pixel[axis] + 0.5 - 0.5 * tile) * mm_per_pixel_;
      const double place = (from_middle + 0.5 * extent_mm_[axis]) / geometry.spacing_mm[axis];
      if (place < 0 || place >= static_cast<double>(geometry.size[axis])) return -1;
      index[axis] = static_cast<std::size_t>(place);
    }
    return static_cast<std::ptrdiff_t>((slice_ * geometry.size[1] + index[1]) * geometry.size[0] + index[0]);
  }

  std::size_t lesion_at(int x, int y) const {
    const auto voxel = voxel_at(x, y);
    return voxel < 0 ? 0 : result_.lesions.labels[static_cast<std::size_t>(voxel)];
  }

  /// The lesion that a pixel just outside of it outlines, or 0.
  std::size_t edge_of(int x, int y) const {
    if (lesion_at(x, y) != 0) return 0;
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx)
        if (const std::size_t lesion = lesion_at(x + dx, y + dy); lesion != 0) return lesion;
    return 0;
  }

  /// Each lesion's number to the right of where its outline reaches furthest.
  void draw_numbers(Canvas& canvas) const {
    std::vector<std::array<int, 2>> places(result_.lesions.lesions.size(), {-1, -1});
    for (int y = 0; y < tile; ++y)
      for (int x = 0; x < tile; ++x)
        if (const std::size_t lesion = lesion_at(x, y); lesion > 0 && x > places[lesion - 1][0])
          places[lesion - 1] = {x, y};
    for (std::size_t n = 0; n < places.size(); ++n)
      if (places[n][0] >= 0)
        draw_text(canvas, std::to_string(n + 1), left_ + std::min(places[n][0] + 5, tile - 30),
                  top_ + places[n][1] - 7, 2, lesion_colour(n + 1));
  }

  const StudyResult& result_;
  std::size_t slice_;
  int left_, top_;
  std::array<double, 2> extent_mm_{};
  double mm_per_pixel_ = 1;
};

std::string heading(const StudyResult& result) {
  const std::size_t lesions = result.lesions.lesions.size();
  std::string text = lesions == 0   ? "no lesion found"
                     : lesions == 1 ? "1 lesion"
                                    : std::to_string(lesions) + " lesions";
  const char* separator = ", from ";
  for (const models::Slot slot : models::all_slots)
    if (result.subset.test(models::index(slot))) {
      text += separator + std::string(models::name(slot));
      separator = " + ";
    }
  return text;
}

}  // namespace

void write_preview(const StudyResult& result, const std::filesystem::path& file) {
  auto slices = lesion_slices(result);
  if (slices.empty()) slices = overview_slices(result.reference.volume.geometry.size[2]);
  const int rows = (static_cast<int>(slices.size()) + columns - 1) / columns;
  Canvas canvas(columns * tile, rows * tile + 2 * banner);
  const Window window = window_of(result.reference.volume.voxels);
  for (std::size_t n = 0; n < slices.size(); ++n) {
    const int left = static_cast<int>(n) % columns * tile;
    const int top = banner + static_cast<int>(n) / columns * tile;
    Tile(result, slices[n], left, top).draw(canvas, window);
    draw_text(canvas, "slice " + std::to_string(slices[n] + 1), left + 8, top + 8, 1, white);
  }
  draw_text(canvas, heading(result), 12, 16, 2, white);
  draw_text(canvas, "Research use only, not approved for diagnosis or treatment", 12,
            canvas.height - banner + 8, 2, amber);
  draw_text(canvas, "MetServe " METSERVE_VERSION ", model " + result.model.name + " " + result.model.version,
            12, canvas.height - 16, 1, white);
  write_png(canvas, file);
}

}  // namespace metserve::pipeline
