#include "pipeline/preview.h"

#include <string>

#include "pipeline/preview_canvas.h"
#include "pipeline/preview_tile.h"

namespace metserve::pipeline {

namespace {

constexpr int tile = 384;  // pixels along each edge of one slice
constexpr int columns = 3;
constexpr std::size_t most_tiles = 6;
constexpr int banner = 48;

}  // namespace

void write_preview(const StudyResult& result, const std::filesystem::path& file) {
  const auto slices = key_slices(result, most_tiles);
  const int rows = (static_cast<int>(slices.size()) + columns - 1) / columns;
  Canvas canvas(columns * tile, rows * tile + 2 * banner);
  const Window window = window_of(result.reference.volume.voxels);
  for (std::size_t n = 0; n < slices.size(); ++n) {
    const int left = static_cast<int>(n) % columns * tile;
    const int top = banner + static_cast<int>(n) / columns * tile;
    Tile(result, {slices[n], left, top, tile}).draw(canvas, window);
    draw_text(canvas, result.reference.slices[slices[n]].title, left + 8, top + 8, 1, white);
  }
  draw_text(canvas, one_line_summary(result), 12, 16, 2, white);
  draw_text(canvas, not_approved, 12, canvas.height - banner + 8, 2, amber);
  draw_text(canvas, "MetServe " METSERVE_VERSION ", model " + result.model.name + " " + result.model.version,
            12, canvas.height - 16, 1, white);
  write_png(canvas, file);
}

}  // namespace metserve::pipeline
