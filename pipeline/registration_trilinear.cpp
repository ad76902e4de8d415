#include "pipeline/registration_trilinear.h"

#include <algorithm>
#include <array>

namespace metserve::pipeline {

namespace {

using FloatImage = itk::Image<float, 3>;

/// The eight voxels around a point of an image.
struct Cell {
  const float* lowest;                     ///< the one of lowest index
  std::array<itk::OffsetValueType, 3> up;  ///< to its upper neighbour along each axis; 0 at the edge
  std::array<float, 3> weight;             ///< of the upper neighbours, 0..1
  bool inside;                             ///< within half a voxel of the outermost voxel centres
};

template <typename ContinuousIndex>
Cell cell_at(const FloatImage& image, const ContinuousIndex& index) {
  const auto& size = image.GetBufferedRegion().GetSize();
  Cell cell{image.GetBufferPointer(), {}, {}, true};
  itk::OffsetValueType step = 1;
  for (unsigned axis = 0; axis < 3; ++axis) {
    const auto last = static_cast<itk::OffsetValueType>(size[axis]) - 1;
    const auto end = static_cast<float>(last);
    cell.inside = cell.inside && index[axis] >= -0.5F && index[axis] <= end + 0.5F;
    const float at = std::clamp(index[axis], 0.0F, end);
    const auto low = static_cast<itk::OffsetValueType>(at);  // rounds down, `at` is not negative
    cell.weight[axis] = at - static_cast<float>(low);
    cell.up[axis] = low < last ? step : 0;
    cell.lowest += low * step;
    step *= last + 1;
  }
  return cell;
}

float between(float low, float high, float weight) {
  return low + weight * (high - low);
}

}  // namespace

TrilinearValue::OutputType TrilinearValue::EvaluateAtContinuousIndex(const ContinuousIndexType& index) const {
  const Cell cell = cell_at(*GetInputImage(), index);
  const auto& [i, j, k] = cell.up;
  const auto along_i = [&cell, i = i](itk::OffsetValueType row) {
    return between(cell.lowest[row], cell.lowest[row + i], cell.weight[0]);
  };
  return between(between(along_i(0), along_i(j), cell.weight[1]),
                 between(along_i(k), along_i(j + k), cell.weight[1]), cell.weight[2]);
}

void TrilinearGradient::SetInputImage(const InputImageType* image) {
  Superclass::SetInputImage(image);
  if (image == nullptr) return;
  for (unsigned row = 0; row < 3; ++row)
    for (unsigned column = 0; column < 3; ++column)
      index_to_lps_[row][column] = image->GetDirection()[row][column] / image->GetSpacing()[column];
}

TrilinearGradient::OutputType TrilinearGradient::Evaluate(const PointType& point_lps_mm) const {
  ContinuousIndexType index;
  GetInputImage()->TransformPhysicalPointToContinuousIndex(point_lps_mm, index);
  return EvaluateAtContinuousIndex(index);
}

TrilinearGradient::OutputType TrilinearGradient::EvaluateAtIndex(const IndexType& index) const {
  return EvaluateAtContinuousIndex(ContinuousIndexType(index));
}

TrilinearGradient::OutputType TrilinearGradient::EvaluateAtContinuousIndex(
    const ContinuousIndexType& index) const {
  const Cell cell = cell_at(*GetInputImage(), index);
  if (!cell.inside) return OutputType(0.0);
  OutputType by_index;
  for (unsigned axis = 0; axis < 3; ++axis) {
    const unsigned a = (axis + 1) % 3;
    const unsigned b = (axis + 2) % 3;
    const auto rise = [&](itk::OffsetValueType edge) {
      return cell.lowest[edge + cell.up[axis]] - cell.lowest[edge];
    };
    by_index[axis] = static_cast<double>(
        between(between(rise(0), rise(cell.up[a]), cell.weight[a]),
                between(rise(cell.up[b]), rise(cell.up[a] + cell.up[b]), cell.weight[a]), cell.weight[b]));
  }
  return index_to_lps_ * by_index;
}

}  // namespace metserve::pipeline
