#include "pipeline/holes.h"

#include <vector>

namespace metserve::pipeline {

void fill_holes(std::span<unsigned char> mask, std::size_t columns) {
  constexpr unsigned char outside = 2;
  const std::size_t rows = mask.size() / columns;
  std::vector<std::size_t> open;
  const auto visit = [&](std::size_t row, std::size_t column) {
    unsigned char& pixel = mask[row * columns + column];
    if (pixel != 0) return;
    pixel = outside;
    open.push_back(row * columns + column);
  };
  for (std::size_t row = 0; row < rows; ++row) visit(row, 0), visit(row, columns - 1);
  for (std::size_t column = 0; column < columns; ++column) visit(0, column), visit(rows - 1, column);
  while (!open.empty()) {
    const std::size_t row = open.back() / columns, column = open.back() % columns;
    open.pop_back();
    if (row > 0) visit(row - 1, column);
    if (row + 1 < rows) visit(row + 1, column);
    if (column > 0) visit(row, column - 1);
    if (column + 1 < columns) visit(row, column + 1);
  }
  for (unsigned char& pixel : mask) pixel = pixel != outside;
}

}  // namespace metserve::pipeline
