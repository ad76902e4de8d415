#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/preview_canvas.h"
#include "pipeline/segment_study.h"

namespace metserve::pipeline {

inline constexpr Colour white{255, 255, 255}, amber{255, 190, 0};

/// What every picture says.
inline constexpr std::string_view not_approved = "Research use only, not approved for diagnosis or treatment";

/// "3 lesions, from BRAVO + FLAIR".
std::string one_line_summary(const StudyResult& result);

/// At most `most` slices of the reference: those on which the largest lesions are largest, each once; without
/// lesions, three across the volume.
std::vector<std::size_t> key_slices(const StudyResult& result, std::size_t most);

/// From voxel values to grey values.
struct Window {
  float low = 0, high = 1;

  std::uint8_t grey(float value) const;
};

/// From the darkest voxel to all but the brightest.
Window window_of(const std::vector<float>& voxels);

/// A square of a picture that shows one slice.
struct TilePlace {
  std::size_t slice = 0;
  int left = 0, top = 0;  ///< pixels of the canvas
  int edge = 384;         ///< pixels
};

/// One slice of the reference, fitted into a square so that millimetres are as long in both directions, with
/// lesions outlined and numbered, and the letters of the patient's sides.
class Tile {
 public:
  /// `result` outlives the tile.
  Tile(const StudyResult& result, const TilePlace& place);
  void draw(Canvas& canvas, const Window& window) const;

 private:
  std::ptrdiff_t voxel_at(int x, int y) const;
  std::size_t lesion_at(int x, int y) const;
  std::size_t edge_of(int x, int y) const;
  void draw_sides(Canvas& canvas) const;
  void draw_numbers(Canvas& canvas) const;

  const StudyResult& result_;
  TilePlace place_;
  std::array<double, 2> extent_mm_{};
  double mm_per_pixel_ = 1;
};

}  // namespace metserve::pipeline
