#pragma once

#include <cstddef>
#include <span>

namespace metserve::pipeline {

/// Fills what a slice's mask encloses: background (0) that no 4-connected way leads from to the border
/// becomes 1, as all that is not 0 does. The foreground is so 8-connected. `mask`: [rows, columns], `columns`
/// >= 1 of them.
void fill_holes(std::span<unsigned char> mask, std::size_t columns);

}  // namespace metserve::pipeline
