#include "pipeline/spatial_image.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

namespace metserve::pipeline {

dicom::Volume to_volume(const models::SpatialImage& image) {
  dicom::Volume volume;
  dicom::VolumeGeometry& geometry = volume.geometry;
  const torch::Tensor to_lps_mm = image.index_to_lps_mm.to(at::kCPU, at::kDouble);
  const auto matrix = to_lps_mm.accessor<double, 2>();
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::int64_t>(axis);
    const dicom::Vec3 step{matrix[0][a], matrix[1][a], matrix[2][a]};
    geometry.size[axis] = static_cast<std::size_t>(image.voxels.size(2 - a));
    geometry.spacing_mm[axis] = std::hypot(step[0], step[1], step[2]);
    for (std::size_t c = 0; c < 3; ++c) geometry.axes_lps[axis][c] = step[c] / geometry.spacing_mm[axis];
    geometry.origin_lps_mm[axis] = matrix[a][3];
  }
  const torch::Tensor voxels = image.voxels.to(at::kCPU, at::kFloat).contiguous();
  volume.voxels.assign(voxels.data_ptr<float>(), voxels.data_ptr<float>() + voxels.numel());
  return volume;
}

torch::Tensor to_tensor(const dicom::Volume& volume) {
  const auto& size = volume.geometry.size;
  torch::Tensor tensor = at::empty({static_cast<std::int64_t>(size[2]), static_cast<std::int64_t>(size[1]),
                                    static_cast<std::int64_t>(size[0])},
                                   at::kFloat);
  std::copy(volume.voxels.begin(), volume.voxels.end(), tensor.data_ptr<float>());
  return tensor;
}

}  // namespace metserve::pipeline
