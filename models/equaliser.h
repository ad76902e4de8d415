#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/clahe_options.h"
#include "models/mask_slice.h"

namespace metserve::models {

/// Intensities that become 0 and 1; low < high.
struct Window {
  float low, high;
};

/// CLAHE of slices of one size, one after the other, in place. Thread safety: one thread at a time, it keeps
/// scratch space.
class Equaliser {
 public:
  /// Slices are [rows, columns], at least two pixels a tile along each axis.
  Equaliser(std::size_t rows, std::size_t columns, const ClaheOptions& options);

  /// Equalises `slice` to [0, 1] inside the mask, any intensity unit before, and makes it 0 elsewhere. The
  /// histograms are of whole tiles, inside and outside.
  void apply(float* slice, const Window& window, const std::vector<Run>& inside);

 private:
  /// Where a row or column lies between tile centres; beyond the outermost both are the border's tile.
  struct Place {
    std::size_t before, after;  ///< tiles
    float share;                ///< of the tile after
  };

  static std::vector<Place> places(std::size_t length, std::size_t tile_length, std::size_t tiles);
  void quantise(const float* slice, const Window& window);
  void count(const std::uint16_t* tile);
  void clip();
  void tabulate();
  void look_up(const Run& run, float* row) const;

  std::size_t rows_, columns_, tiles_, bins_;
  std::size_t tile_rows_, tile_columns_;  ///< of one tile; the last ones reach beyond the slice
  std::size_t width_;                     ///< columns of all tiles
  std::vector<Place> down_, across_;      ///< of each row, of each column
  std::vector<std::uint16_t> levels_;     ///< bins of the pixels of all tiles, mirrored beyond the slice
  std::vector<std::int32_t> histogram_;   ///< of one tile
  std::int32_t limit_;                    ///< at which it is clipped
  std::vector<float> tables_;             ///< [tiles, tiles, bins]: what a bin becomes in each tile
};

}  // namespace metserve::models
