#include "pipeline/box_average.h"

#include <algorithm>
#include <cmath>

namespace metserve::pipeline {

namespace {

/// Adds one source row to the sums of one target row.
void add_row(const float* source, std::size_t columns, std::size_t box, float* sums) {
  const std::size_t whole = columns / box;
  for (std::size_t i = 0; i < whole; ++i, source += box) {
    float sum = 0;
    for (std::size_t b = 0; b < box; ++b) sum += source[b];
    sums[i] += sum;
  }
  for (std::size_t b = whole * box; b < columns; ++b) sums[whole] += *source++;
}

/// Voxels of the source that fall into box `i` of an axis with `size` voxels.
std::size_t filled(std::size_t i, std::size_t box, std::size_t size) {
  return std::min(box, size - i * box);
}

dicom::VolumeGeometry boxed_geometry(const dicom::VolumeGeometry& source,
                                     const std::array<std::size_t, 3>& box) {
  dicom::VolumeGeometry result = source;
  dicom::Vec3 first{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    result.size[axis] = (source.size[axis] + box[axis] - 1) / box[axis];
    result.spacing_mm[axis] = source.spacing_mm[axis] * static_cast<double>(box[axis]);
    first[axis] = 0.5 * static_cast<double>(box[axis] - 1);
  }
  result.origin_lps_mm = source.lps_mm(first);
  return result;
}

}  // namespace

std::array<std::size_t, 3> box_of(const dicom::VolumeGeometry& geometry, double edge_mm) {
  std::array<std::size_t, 3> box{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    box[axis] = static_cast<std::size_t>(std::max(1.0, std::round(edge_mm / geometry.spacing_mm[axis])));
  return box;
}

dicom::Volume box_average(const dicom::Volume& source, const std::array<std::size_t, 3>& box) {
  if (box == std::array<std::size_t, 3>{1, 1, 1}) return source;
  const auto& from = source.geometry.size;
  dicom::Volume result{boxed_geometry(source.geometry, box), {}};
  const auto& to = result.geometry.size;
  result.voxels.assign(result.geometry.voxel_count(), 0.0F);
  for (std::size_t k = 0; k < from[2]; ++k)
    for (std::size_t j = 0; j < from[1]; ++j)
      add_row(&source.voxels[(k * from[1] + j) * from[0]], from[0], box[0],
              &result.voxels[((k / box[2]) * to[1] + j / box[1]) * to[0]]);
  float* voxel = result.voxels.data();
  for (std::size_t k = 0; k < to[2]; ++k)
    for (std::size_t j = 0; j < to[1]; ++j) {
      const std::size_t rows = filled(k, box[2], from[2]) * filled(j, box[1], from[1]);
      for (std::size_t i = 0; i < to[0]; ++i)
        *voxel++ /= static_cast<float>(rows * filled(i, box[0], from[0]));
    }
  return result;
}

}  // namespace metserve::pipeline
