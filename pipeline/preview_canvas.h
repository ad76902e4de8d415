#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace metserve::pipeline {

using Colour = std::array<std::uint8_t, 3>;

/// An RGB picture, rows from the top.
struct Canvas {
  int width = 0, height = 0;
  std::vector<Colour> pixels;

  Canvas(int columns, int rows)
      : width(columns),
        height(rows),
        pixels(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows)) {}
  Colour& at(int x, int y) {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)];
  }
};

inline constexpr int glyph_width = 6,
                     glyph_height = 9;  ///< with the space between letters and lines, unscaled

/// Letters of 5 x 7 dots, capitals only (small ones become capitals), each dot `scale` pixels wide, on a dark
/// edge so that they can be read on any image; clipped at the border. What has no glyph is left blank.
void draw_text(Canvas& canvas, std::string_view text, int x, int y, int scale, const Colour& colour);

/// Throws dicom::Error(io) when the file cannot be written; complete or not at all.
void write_png(const Canvas& canvas, const std::filesystem::path& file);

}  // namespace metserve::pipeline
