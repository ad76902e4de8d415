#include "pipeline/contours.h"

#include <algorithm>
#include <string>

#include <itkContourExtractor2DImageFilter.h>
#include <itkImage.h>

#include "pipeline/contours_outline.h"
#include "pipeline/error.h"
#include "pipeline/holes.h"

namespace metserve::pipeline {
namespace {

using SliceMask = itk::Image<unsigned char, 2>;

/// The voxels of one lesion in one slice, as a mask over their bounding box and a margin of one voxel.
SliceMask::Pointer mask_of(std::span<const std::size_t> voxels, std::size_t columns, std::size_t rows) {
  std::size_t low_i = columns, high_i = 0, low_j = rows, high_j = 0;
  for (const std::size_t v : voxels) {
    low_i = std::min(low_i, v % columns), high_i = std::max(high_i, v % columns);
    low_j = std::min(low_j, v / columns % rows), high_j = std::max(high_j, v / columns % rows);
  }
  auto mask = SliceMask::New();
  const SliceMask::IndexType start{static_cast<itk::IndexValueType>(low_i) - 1,
                                   static_cast<itk::IndexValueType>(low_j) - 1};
  const SliceMask::SizeType size{high_i - low_i + 3, high_j - low_j + 3};
  mask->SetRegions(SliceMask::RegionType(start, size));
  mask->Allocate(true);
  for (const std::size_t v : voxels)
    mask->SetPixel(
        {static_cast<itk::IndexValueType>(v % columns), static_cast<itk::IndexValueType>(v / columns % rows)},
        1);
  return mask;
}

/// Marching squares half way between the centres of voxels inside and outside.
std::vector<Outline> outlines_of(const SliceMask* mask) {
  using Extractor = itk::ContourExtractor2DImageFilter<SliceMask>;
  auto extractor = Extractor::New();
  extractor->SetInput(mask);
  extractor->SetContourValue(0.5);
  extractor->VertexConnectHighPixelsOn();
  extractor->Update();
  std::vector<Outline> outlines;
  for (unsigned int n = 0; n < extractor->GetNumberOfIndexedOutputs(); ++n) {
    const auto* vertices = extractor->GetOutput(n)->GetVertexList();
    Outline outline;
    for (unsigned int v = 0; v + 1 < vertices->Size(); ++v)  // the last repeats the first
      outline.push_back({vertices->ElementAt(v)[0], vertices->ElementAt(v)[1]});
    outlines.push_back(std::move(outline));
  }
  return outlines;
}

void append_contours(const dicom::VolumeGeometry& geometry, std::span<const std::size_t> voxels,
                     std::vector<dicom::Contour>& contours) {
  const std::size_t slice = voxels.front() / (geometry.size[0] * geometry.size[1]);
  const auto mask = mask_of(voxels, geometry.size[0], geometry.size[1]);
  const auto columns = mask->GetBufferedRegion().GetSize(0);
  fill_holes({mask->GetBufferPointer(), columns * mask->GetBufferedRegion().GetSize(1)}, columns);
  for (const Outline& outline : outlines_of(mask)) {
    dicom::Contour contour;
    contour.slice = slice;
    for (const auto& [i, j] : reduced(outline))
      contour.points_lps_mm.push_back(geometry.lps_mm({i, j, static_cast<double>(slice)}));
    contours.push_back(std::move(contour));
  }
}

}  // namespace

std::vector<std::vector<dicom::Contour>> lesion_contours(const dicom::VolumeGeometry& geometry,
                                                         std::span<const std::uint16_t> labels,
                                                         std::size_t lesion_count) {
  if (labels.size() != geometry.voxel_count())
    throw Error(Error::Kind::bad_input, "label map of " + std::to_string(labels.size()) +
                                            " voxels does not fit a volume of " +
                                            std::to_string(geometry.voxel_count()));
  const std::size_t per_slice = geometry.size[0] * geometry.size[1];
  std::vector<std::vector<dicom::Contour>> contours(lesion_count);
  std::vector<std::vector<std::size_t>> in_slice(lesion_count);
  std::vector<std::size_t> present;  // lesions of the slice at hand
  for (std::size_t k = 0; k < geometry.size[2]; ++k) {
    for (std::size_t v = k * per_slice; v < (k + 1) * per_slice; ++v) {
      if (labels[v] == 0) continue;
      if (labels[v] > lesion_count)
        throw Error(Error::Kind::bad_input, "label " + std::to_string(labels[v]) +
                                                " has no lesion: there are " + std::to_string(lesion_count));
      auto& voxels = in_slice[labels[v] - 1u];
      if (voxels.empty()) present.push_back(labels[v] - 1u);
      voxels.push_back(v);
    }
    for (const std::size_t lesion : present) {
      append_contours(geometry, in_slice[lesion], contours[lesion]);
      in_slice[lesion].clear();
    }
    present.clear();
  }
  return contours;
}

}  // namespace metserve::pipeline
