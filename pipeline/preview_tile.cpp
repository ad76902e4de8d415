#include "pipeline/preview_tile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace metserve::pipeline {

namespace {

Colour lesion_colour(std::size_t number) {
  constexpr std::array<Colour, 6> colours{
      {{255, 80, 80}, {80, 220, 120}, {90, 170, 255}, {255, 220, 60}, {230, 110, 255}, {60, 230, 230}}};
  return colours[(number - 1) % colours.size()];
}

/// The slice on which each lesion is largest, largest lesion first, each slice once.
std::vector<std::size_t> lesion_slices(const StudyResult& result, std::size_t most) {
  const auto& size = result.reference.volume.geometry.size;
  const std::size_t plane = size[0] * size[1];
  const std::size_t lesions = result.lesions.lesions.size();
  std::vector<std::size_t> voxels(lesions * size[2]);
  for (std::size_t v = 0; v < result.lesions.labels.size(); ++v)
    if (const std::size_t number = result.lesions.labels[v]; number > 0)
      ++voxels[(number - 1) * size[2] + v / plane];
  std::vector<std::size_t> by_volume(lesions), slices;
  std::iota(by_volume.begin(), by_volume.end(), std::size_t{0});
  std::stable_sort(by_volume.begin(), by_volume.end(), [&](std::size_t a, std::size_t b) {
    return result.lesions.lesions[a].volume_mm3 > result.lesions.lesions[b].volume_mm3;
  });
  for (const std::size_t lesion : by_volume) {
    if (slices.size() == most) break;
    const auto first = voxels.begin() + static_cast<std::ptrdiff_t>(lesion * size[2]);
    const auto largest = std::max_element(first, first + static_cast<std::ptrdiff_t>(size[2]));
    const auto slice = static_cast<std::size_t>(largest - first);
    if (std::find(slices.begin(), slices.end(), slice) == slices.end()) slices.push_back(slice);
  }
  return slices;
}

/// Three slices across the volume, for when there is no lesion to show.
std::vector<std::size_t> overview_slices(std::size_t slices) {
  return {slices * 2 / 5, slices / 2, slices * 3 / 5};
}

}  // namespace

std::vector<std::size_t> key_slices(const StudyResult& result, std::size_t most) {
  auto slices = lesion_slices(result, most);
  return slices.empty() ? overview_slices(result.reference.volume.geometry.size[2]) : slices;
}

std::string one_line_summary(const StudyResult& result) {
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

std::uint8_t Window::grey(float value) const {
  return static_cast<std::uint8_t>(std::lround(255 * std::clamp((value - low) / (high - low), 0.0F, 1.0F)));
}

Window window_of(const std::vector<float>& voxels) {
  std::vector<float> some;
  const std::size_t stride = std::max<std::size_t>(1, voxels.size() / 200000);
  for (std::size_t v = 0; v < voxels.size(); v += stride) some.push_back(voxels[v]);
  const auto high = some.begin() + static_cast<std::ptrdiff_t>(0.985 * static_cast<double>(some.size() - 1));
  std::nth_element(some.begin(), high, some.end());
  const float low = *std::min_element(some.begin(), some.end());
  return {low, std::max(*high, low + 1)};
}

Tile::Tile(const StudyResult& result, const TilePlace& place) : result_(result), place_(place) {
  const auto& geometry = result.reference.volume.geometry;
  for (std::size_t axis = 0; axis < 2; ++axis)
    extent_mm_[axis] = geometry.spacing_mm[axis] * static_cast<double>(geometry.size[axis]);
  mm_per_pixel_ = std::max(extent_mm_[0], extent_mm_[1]) / place.edge;
}

void Tile::draw(Canvas& canvas, const Window& window) const {
  for (int y = 0; y < place_.edge; ++y)
    for (int x = 0; x < place_.edge; ++x)
      if (const auto voxel = voxel_at(x, y); voxel >= 0) {
        const std::size_t at = static_cast<std::size_t>(voxel);
        const std::uint8_t grey = window.grey(result_.reference.volume.voxels[at]);
        canvas.at(place_.left + x, place_.top + y) = {grey, grey, grey};
        if (const std::size_t lesion = edge_of(x, y); lesion > 0)
          canvas.at(place_.left + x, place_.top + y) = lesion_colour(lesion);
      }
  draw_sides(canvas);
  draw_numbers(canvas);
}

/// R, L, A, P, H and F at the edges that lie there.
void Tile::draw_sides(Canvas& canvas) const {
  constexpr int scale = 2, margin = 6;
  const auto& axes = result_.reference.volume.geometry.axes_lps;
  const auto letters = [&](std::size_t axis, double sign) {
    return dicom::patient_letters({sign * axes[axis][0], sign * axes[axis][1], sign * axes[axis][2]});
  };
  const auto width = [](const std::string& text) {
    return static_cast<int>(text.size()) * glyph_width * scale;
  };
  const int middle = place_.edge / 2, height = glyph_height * scale;
  const auto write = [&](const std::string& text, int x, int y) {
    draw_text(canvas, text, place_.left + x, place_.top + y, scale, white);
  };
  const std::string right = letters(0, 1), left = letters(0, -1), bottom = letters(1, 1),
                    top = letters(1, -1);
  write(left, margin, middle - height / 2);
  write(right, place_.edge - margin - width(right), middle - height / 2);
  write(top, middle - width(top) / 2, margin);
  write(bottom, middle - width(bottom) / 2, place_.edge - margin - height);
}

/// Index of the voxel under a pixel, or -1 beside the slice.
std::ptrdiff_t Tile::voxel_at(int x, int y) const {
  const auto& geometry = result_.reference.volume.geometry;
  const std::array<int, 2> pixel{x, y};
  std::array<std::size_t, 2> index{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const double from_middle = (pixel[axis] + 0.5 - 0.5 * place_.edge) * mm_per_pixel_;
    const double place = (from_middle + 0.5 * extent_mm_[axis]) / geometry.spacing_mm[axis];
    if (place < 0 || place >= static_cast<double>(geometry.size[axis])) return -1;
    index[axis] = static_cast<std::size_t>(place);
  }
  return static_cast<std::ptrdiff_t>((place_.slice * geometry.size[1] + index[1]) * geometry.size[0] +
                                     index[0]);
}

std::size_t Tile::lesion_at(int x, int y) const {
  const auto voxel = voxel_at(x, y);
  return voxel < 0 ? 0 : result_.lesions.labels[static_cast<std::size_t>(voxel)];
}

/// The lesion that a pixel just outside of it outlines, or 0.
std::size_t Tile::edge_of(int x, int y) const {
  if (lesion_at(x, y) != 0) return 0;
  for (int dy = -1; dy <= 1; ++dy)
    for (int dx = -1; dx <= 1; ++dx)
      if (const std::size_t lesion = lesion_at(x + dx, y + dy); lesion != 0) return lesion;
  return 0;
}

/// Each lesion's number to the right of where its outline reaches furthest.
void Tile::draw_numbers(Canvas& canvas) const {
  std::vector<std::array<int, 2>> places(result_.lesions.lesions.size(), {-1, -1});
  for (int y = 0; y < place_.edge; ++y)
    for (int x = 0; x < place_.edge; ++x)
      if (const std::size_t lesion = lesion_at(x, y); lesion > 0 && x > places[lesion - 1][0])
        places[lesion - 1] = {x, y};
  for (std::size_t n = 0; n < places.size(); ++n)
    if (places[n][0] >= 0)
      draw_text(canvas, std::to_string(result_.lesions.lesions[n].number),
                place_.left + std::min(places[n][0] + 5, place_.edge - 30), place_.top + places[n][1] - 7, 2,
                lesion_colour(n + 1));
}

}  // namespace metserve::pipeline
