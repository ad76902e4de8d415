#include "pipeline/axial.h"

#include <algorithm>
#include <cmath>

namespace metserve::pipeline {
namespace {

namespace fs = std::filesystem;
using dicom::Vec3;
using dicom::VolumeGeometry;

/// Gives each lesion that has no voxel in `target` the one nearest to its first voxel.
void keep_smallest(const VolumeGeometry& grid, const VolumeGeometry& reference,
                   std::span<const std::uint16_t> labels, std::vector<std::uint16_t>& target) {
  const std::size_t count = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end());
  std::vector<bool> seen(count + 1, false);
  for (const std::uint16_t label : target) seen[label] = true;
  seen[0] = true;
  for (std::size_t v = 0; v < labels.size(); ++v) {
    if (seen[labels[v]]) continue;
    seen[labels[v]] = true;
    Vec3 index = grid.index(reference.centre_lps_mm(v));
    for (std::size_t c = 0; c < 3; ++c)
      index[c] = std::clamp(index[c], 0.0, static_cast<double>(grid.size[c] - 1));
    target[grid.voxel_at(index).value()] = labels[v];
  }
}

}  // namespace

bool is_axial(const VolumeGeometry& geometry) {
  constexpr double tolerance = 1e-3;
  for (std::size_t axis = 0; axis < 2; ++axis)
    for (std::size_t c = 0; c < 3; ++c)
      if (std::abs(geometry.axes_lps[axis][c] - (axis == c ? 1 : 0)) > tolerance) return false;
  return true;
}

VolumeGeometry axial_grid(const VolumeGeometry& reference) {
  constexpr double finest_mm = 0.5, coarsest_mm = 1;
  const auto& spacing = reference.spacing_mm;
  const double edge_mm = std::clamp(std::min({spacing[0], spacing[1], spacing[2]}), finest_mm, coarsest_mm);
  Vec3 low = reference.origin_lps_mm, high = low;
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (std::size_t c = 0; c < 3; ++c) {
      const double reach =
          reference.axes_lps[axis][c] * spacing[axis] * static_cast<double>(reference.size[axis] - 1);
      (reach < 0 ? low : high)[c] += reach;
    }
  VolumeGeometry grid;
  grid.spacing_mm = {edge_mm, edge_mm, edge_mm};
  grid.origin_lps_mm = low;
  for (std::size_t c = 0; c < 3; ++c)
    grid.size[c] = static_cast<std::size_t>(std::floor((high[c] - low[c]) / edge_mm + 1e-6)) + 1;
  return grid;
}

std::vector<std::uint16_t> labels_on(const VolumeGeometry& grid, const VolumeGeometry& reference,
                                     std::span<const std::uint16_t> labels) {
  std::vector<std::uint16_t> result(grid.voxel_count());
  const Vec3 origin = reference.index(grid.lps_mm({0, 0, 0}));
  const Vec3 next = reference.index(grid.lps_mm({1, 0, 0}));
  std::uint16_t* label = result.data();
  for (std::size_t k = 0; k < grid.size[2]; ++k)
    for (std::size_t j = 0; j < grid.size[1]; ++j) {
      const Vec3 row = reference.index(grid.lps_mm({0, static_cast<double>(j), static_cast<double>(k)}));
      for (std::size_t i = 0; i < grid.size[0]; ++i, ++label) {
        Vec3 index = row;
        for (std::size_t c = 0; c < 3; ++c) index[c] += static_cast<double>(i) * (next[c] - origin[c]);
        if (const auto offset = reference.voxel_at(index)) *label = labels[*offset];
      }
    }
  keep_smallest(grid, reference, labels, result);
  return result;
}

void remove_axial_results(const fs::path& directory) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory))
    if (const std::string name = entry.path().filename();
        name.starts_with("axial_") && name.ends_with(".dcm"))
      found.push_back(entry.path());
  for (const fs::path& file : found) fs::remove(file);
}

}  // namespace metserve::pipeline
