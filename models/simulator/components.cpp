#include "models/simulator/components.h"

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace metserve::models::simulator {

torch::Tensor largest_component(const torch::Tensor& mask) {
  const torch::Tensor dense = mask.contiguous();
  const bool* inside = dense.data_ptr<bool>();
  const std::int64_t rows = mask.size(1), columns = mask.size(2), count = mask.numel();
  std::vector<std::uint8_t> seen(static_cast<std::size_t>(count), 0);
  std::vector<std::int64_t> best, part;
  for (std::int64_t start = 0; start < count; ++start) {
    if (!inside[start] || seen[static_cast<std::size_t>(start)]) continue;
    part.assign(1, start);
    seen[static_cast<std::size_t>(start)] = 1;
    const auto visit = [&](std::int64_t voxel) {
      if (!inside[voxel] || seen[static_cast<std::size_t>(voxel)]) return;
      seen[static_cast<std::size_t>(voxel)] = 1;
      part.push_back(voxel);
    };
    for (std::size_t next = 0; next < part.size(); ++next) {
      const std::int64_t voxel = part[next];
      const std::int64_t column = voxel % columns, row = voxel / columns % rows;
      if (column > 0) visit(voxel - 1);
      if (column + 1 < columns) visit(voxel + 1);
      if (row > 0) visit(voxel - columns);
      if (row + 1 < rows) visit(voxel + columns);
      if (voxel >= rows * columns) visit(voxel - rows * columns);
      if (voxel + rows * columns < count) visit(voxel + rows * columns);
    }
    if (part.size() > best.size()) best.swap(part);
  }
  torch::Tensor result = torch::zeros_like(dense);
  bool* kept = result.data_ptr<bool>();
  for (std::int64_t voxel : best) kept[voxel] = true;
  return result;
}

}  // namespace metserve::models::simulator
