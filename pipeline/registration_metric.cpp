#include "pipeline/registration_metric.h"

#include <algorithm>
#include <cmath>

#include "pipeline/quasi_newton.h"
#include "pipeline/registration_trilinear.h"

namespace metserve::pipeline {

namespace {

/// Lower and upper clamp, from at most about 300,000 voxels.
std::pair<float, float> clamp_range(const std::vector<float>& voxels) {
  const std::size_t stride = std::max<std::size_t>(1, voxels.size() / 300000);
  std::vector<float> some;
  some.reserve(voxels.size() / stride + 1);
  for (std::size_t v = 0; v < voxels.size(); v += stride) some.push_back(voxels[v]);
  const auto percentile = [&some](double share) {
    const auto nth = some.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(some.size() - 1));
    std::nth_element(some.begin(), nth, some.end());
    return *nth;
  };
  const float low = percentile(0.001);
  return {low, percentile(0.995)};
}

/// Root mean square shift of the sample points, mm, per unit of each parameter: what makes a turn and a slide
/// comparable.
Vector6 shift_per_unit(const MattesMetric& metric, const VersorTransform& transform) {
  const SamplePoints& points = *metric.GetFixedSampledPointSet();
  const auto centre = transform.GetCenter();
  const auto count = points.GetNumberOfPoints();
  std::array<double, 3> square{};
  for (std::size_t n = 0; n < count; ++n)
    for (unsigned c = 0; c < 3; ++c)
      square[c] += std::pow(points.GetPoint(n)[c] - centre[c], 2) / static_cast<double>(count);
  // A versor is the axis times the sine of half the angle: one unit of it is about two radians.
  return {2 * std::sqrt(square[1] + square[2]),
          2 * std::sqrt(square[0] + square[2]),
          2 * std::sqrt(square[0] + square[1]),
          1,
          1,
          1};
}

}  // namespace

RegistrationImage::Pointer to_itk(const dicom::Volume& volume) {
  const dicom::VolumeGeometry& geometry = volume.geometry;
  auto image = RegistrationImage::New();
  RegistrationImage::SizeType size;
  RegistrationImage::DirectionType direction;
  for (unsigned axis = 0; axis < 3; ++axis) {
    size[axis] = geometry.size[axis];
    for (unsigned c = 0; c < 3; ++c) direction[c][axis] = geometry.axes_lps[axis][c];
  }
  image->SetRegions(size);
  image->SetSpacing(geometry.spacing_mm.data());
  image->SetOrigin(geometry.origin_lps_mm.data());
  image->SetDirection(direction);
  image->Allocate();
  const auto [low, high] = clamp_range(volume.voxels);
  std::transform(volume.voxels.begin(), volume.voxels.end(), image->GetBufferPointer(),
                 [low = low, high = high](float value) { return std::clamp(value, low, high); });
  return image;
}

SamplePoints::Pointer to_itk(const std::vector<dicom::Vec3>& points) {
  auto result = SamplePoints::New();
  for (std::size_t n = 0; n < points.size(); ++n) {
    SamplePoints::PointType point;
    for (unsigned c = 0; c < 3; ++c) point[c] = static_cast<SamplePoints::PointType::ValueType>(points[n][c]);
    result->SetPoint(n, point);
  }
  return result;
}

MattesMetric::Pointer make_metric(const RegistrationImage* fixed, SamplePoints* points,
                                  const RegistrationImage* moving, VersorTransform* transform) {
  auto metric = MattesMetric::New();
  metric->SetNumberOfHistogramBins(32);
  metric->SetUseFixedImageGradientFilter(false);
  metric->SetUseMovingImageGradientFilter(false);
  metric->SetMovingImageGradientCalculator(TrilinearGradient::New());
  metric->SetFixedInterpolator(TrilinearValue::New());
  metric->SetMovingInterpolator(TrilinearValue::New());
  metric->SetFixedImage(fixed);
  metric->SetMovingImage(moving);
  metric->SetMovingTransform(transform);
  metric->SetFixedSampledPointSet(points);
  metric->SetUseSampledPointSet(true);
  metric->Initialize();
  return metric;
}

void optimise(MattesMetric* metric, VersorTransform* transform, double edge_mm) {
  const Vector6 shift = shift_per_unit(*metric, *transform);
  const VersorTransform::ParametersType start = transform->GetParameters();
  const auto move = [&](const Vector6& mm) {
    VersorTransform::ParametersType parameters = start;
    for (unsigned n = 0; n < 6; ++n) parameters[n] += static_cast<float>(mm[n] / shift[n]);
    transform->SetParameters(parameters);
  };
  const auto objective = [&](const Vector6& mm, Vector6& gradient) {
    move(mm);
    MattesMetric::MeasureType value = 0;
    MattesMetric::DerivativeType derivative;
    metric->GetValueAndDerivative(value, derivative);  // ITK's derivative points downhill
    for (unsigned n = 0; n < 6; ++n) gradient[n] = -static_cast<double>(derivative[n]) / shift[n];
    return static_cast<double>(value);
  };
  move(minimise(objective, {0.25 * edge_mm, edge_mm, 0.01 * edge_mm, 40}));
}

}  // namespace metserve::pipeline
