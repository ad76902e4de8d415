#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metserve::models {

/// One slice of a mask, row after row, each pixel 0 or 1.
struct MaskSlice {
  std::size_t rows = 0, columns = 0;
  std::vector<std::uint8_t> pixels;
};

/// Closes gaps of up to four pixels, fills what is enclosed then (eight neighbours: background that meets
/// only at corners is one) and removes specks that no 3 x 3 pixels fit into.
void enclose(MaskSlice& mask);

/// Columns [begin, end) of a row that are inside a mask.
struct Run {
  std::size_t row, begin, end;
};

/// The inside of `mask` at `rows` x `columns`, row after row: where it exceeds a half when it is interpolated
/// bilinearly, borders on borders.
std::vector<Run> runs_of(const MaskSlice& mask, std::size_t rows, std::size_t columns);

}  // namespace metserve::models
