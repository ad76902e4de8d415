#include "pipeline/lesions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include <itkConnectedComponentImageFilter.h>
#include <itkImage.h>

#include "pipeline/error.h"
#include "pipeline/holes.h"
#include "pipeline/lesions_diameter.h"

namespace metserve::pipeline {
namespace {

using Mask = itk::Image<unsigned char, 3>;
using Components = itk::Image<std::uint32_t, 3>;
using Voxel = std::array<std::size_t, 3>;  ///< column, row, slice

struct Box {
  Voxel low, high;  ///< inclusive
  bool empty = true;

  std::size_t extent(std::size_t axis) const { return high[axis] - low[axis] + 1; }
};

bool inside(float probability, double threshold) {
  return static_cast<double>(probability) >= threshold;
}

Box box_of(const dicom::Volume& probability, double threshold) {
  const auto& size = probability.geometry.size;
  Box box{.low = size, .high = {}};
  std::size_t v = 0;
  for (std::size_t k = 0; k < size[2]; ++k)
    for (std::size_t j = 0; j < size[1]; ++j)
      for (std::size_t i = 0; i < size[0]; ++i, ++v) {
        if (!inside(probability.voxels[v], threshold)) continue;
        const Voxel at{i, j, k};
        for (std::size_t axis = 0; axis < 3; ++axis) {
          box.low[axis] = std::min(box.low[axis], at[axis]);
          box.high[axis] = std::max(box.high[axis], at[axis]);
        }
        box.empty = false;
      }
  return box;
}

/// Numbers the 26-connected components of the voxels at or above the threshold, and of those that they
/// enclose in a slice, within `box` from 1.
Components::Pointer components_of(const dicom::Volume& probability, double threshold, const Box& box) {
  auto mask = Mask::New();
  mask->SetRegions(Mask::SizeType{box.extent(0), box.extent(1), box.extent(2)});
  mask->Allocate();
  const auto& size = probability.geometry.size;
  unsigned char* out = mask->GetBufferPointer();
  for (std::size_t k = box.low[2]; k <= box.high[2]; ++k)
    for (std::size_t j = box.low[1]; j <= box.high[1]; ++j)
      for (std::size_t i = box.low[0]; i <= box.high[0]; ++i)
        *out++ = inside(probability.voxels[(k * size[1] + j) * size[0] + i], threshold);
  const std::size_t per_slice = box.extent(0) * box.extent(1);
  for (std::size_t slice = 0; slice < box.extent(2); ++slice)
    fill_holes({mask->GetBufferPointer() + slice * per_slice, per_slice}, box.extent(0));
  auto filter = itk::ConnectedComponentImageFilter<Mask, Components>::New();
  filter->SetInput(mask);
  filter->FullyConnectedOn();
  filter->SetNumberOfWorkUnits(1);  // the caller's threads are the program's
  filter->Update();
  return filter->GetOutput();
}

/// Voxels of each component, in rising flat order of the volume.
std::vector<std::vector<Voxel>> voxels_by_component(const Components& components, const Box& box) {
  std::vector<std::vector<Voxel>> voxels;
  const std::uint32_t* component = components.GetBufferPointer();
  for (std::size_t k = box.low[2]; k <= box.high[2]; ++k)
    for (std::size_t j = box.low[1]; j <= box.high[1]; ++j)
      for (std::size_t i = box.low[0]; i <= box.high[0]; ++i, ++component) {
        if (*component == 0) continue;
        if (*component > voxels.size()) voxels.resize(*component);
        voxels[*component - 1].push_back({i, j, k});
      }
  return voxels;
}

Lesion measured(const dicom::VolumeGeometry& geometry, const std::vector<Voxel>& voxels) {
  const auto count = static_cast<double>(voxels.size());
  Lesion lesion;
  dicom::Vec3 centre{};
  for (const Voxel& v : voxels)
    for (std::size_t axis = 0; axis < 3; ++axis) centre[axis] += static_cast<double>(v[axis]) / count;
  lesion.volume_mm3 = count * geometry.voxel_volume_mm3();
  lesion.longest_diameter_mm = longest_diameter_mm(voxels, geometry.spacing_mm);
  lesion.longest_diameter_in_plane_mm = longest_diameter_in_plane_mm(voxels, geometry.spacing_mm);
  lesion.centroid_lps_mm = geometry.lps_mm(centre);
  return lesion;
}

void require_usable(const dicom::Volume& probability, const LesionOptions& options) {
  if (probability.voxels.size() != probability.geometry.voxel_count())
    throw Error(Error::Kind::bad_input, "probability map has " + std::to_string(probability.voxels.size()) +
                                            " voxels, its geometry " +
                                            std::to_string(probability.geometry.voxel_count()));
  if (!(options.threshold > 0 && options.threshold <= 1))
    throw Error(Error::Kind::bad_input, "lesion threshold is " + std::to_string(options.threshold) +
                                            ": it must be above 0 and at most 1");
}

}  // namespace

LesionMap find_lesions(const dicom::Volume& probability, const LesionOptions& options) {
  require_usable(probability, options);
  const auto& size = probability.geometry.size;
  LesionMap map;
  map.labels.assign(probability.voxels.size(), 0);
  const Box box = box_of(probability, options.threshold);
  if (box.empty) return map;
  auto voxels = voxels_by_component(*components_of(probability, options.threshold, box), box);
  const double fewest = options.minimum_volume_mm3 / probability.geometry.voxel_volume_mm3() - 1e-6;
  std::erase_if(voxels, [&](const auto& of) { return static_cast<double>(of.size()) < fewest; });
  if (voxels.size() > std::numeric_limits<std::uint16_t>::max())
    throw Error(Error::Kind::bad_input,
                std::to_string(voxels.size()) + " components are no lesions: the probability map is noise");
  std::stable_sort(voxels.begin(), voxels.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (std::size_t n = 0; n < voxels.size(); ++n) {
    map.lesions.push_back(measured(probability.geometry, voxels[n]));
    map.lesions.back().number = static_cast<int>(n + 1);
    for (const Voxel& v : voxels[n])
      map.labels[(v[2] * size[1] + v[1]) * size[0] + v[0]] = static_cast<std::uint16_t>(n + 1);
  }
  return map;
}

void take_probabilities(LesionMap& map, const std::vector<float>& probability) {
  std::vector<double> voxels(map.lesions.size());
  for (std::size_t v = 0; v < map.labels.size(); ++v) {
    if (map.labels[v] == 0) continue;
    Lesion& lesion = map.lesions[map.labels[v] - 1u];
    lesion.mean_probability += static_cast<double>(probability[v]);
    lesion.max_probability = std::max(lesion.max_probability, static_cast<double>(probability[v]));
    ++voxels[map.labels[v] - 1u];
  }
  for (std::size_t n = 0; n < voxels.size(); ++n) map.lesions[n].mean_probability /= voxels[n];
}

}  // namespace metserve::pipeline
