#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace metserve::models {

/// The 26-connected parts of a binary volume. `models` stands on LibTorch alone, hence a union-find of its
/// own; the pipeline's lesions come from ITK's filter.
struct Components {
  torch::Tensor labels;  ///< [D, H, W] int32: 1..count in raster order of their first voxel, 0 outside
  std::vector<std::int64_t> voxels;  ///< of component i + 1
  torch::Tensor places;              ///< [N] int64: where they are in the flattened volume, in raster order
  torch::Tensor part;                ///< [N] int64: which component each belongs to, from 0
};

/// `mask`: [D, H, W] bool on the CPU.
Components label_components(const torch::Tensor& mask);

/// The largest distance between two voxels of a part plus one mean voxel edge, so that a single voxel has
/// its own size. `mask`: [D, H, W] bool on the CPU, not empty. `spacing_mm`: column, row, slice.
double longest_diameter_mm(const torch::Tensor& mask, const std::array<double, 3>& spacing_mm);

/// [count] float64: of every part the shortest over the longest axis of the ellipsoid that has the same
/// second moments, a voxel's own extent counted: 1 for a ball or a cube, near 0 for a sheet or a thread.
/// `spacing_mm`: column, row, slice.
torch::Tensor roundness(const Components& components, const std::array<double, 3>& spacing_mm);

}  // namespace metserve::models
