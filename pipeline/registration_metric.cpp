#include "pipeline/registration_metric.h"

#include <algorithm>

#include <itkRegistrationParameterScalesFromPhysicalShift.h>
#include <itkRegularStepGradientDescentOptimizerv4.h>

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
    for (unsigned c = 0; c < 3; ++c)
      point[c] = static_cast<SamplePoints::PointType::ValueType>(points[n][c]);
    result->SetPoint(n, point);
  }
  return result;
}

MattesMetric::Pointer make_metric(const RegistrationImage* fixed, SamplePoints* points,
                                  const RegistrationImage* moving, VersorTransform* transform) {
  auto metric = MattesMetric::New();
  metric->SetNumberOfHistogramBins(32);
  metric->SetMaximumNumberOfWorkUnits(1);
  metric->SetUseFixedImageGradientFilter(false);
  metric->SetUseMovingImageGradientFilter(false);
  metric->SetFixedImage(fixed);
  metric->SetMovingImage(moving);
  metric->SetMovingTransform(transform);
  metric->SetFixedSampledPointSet(points);
  metric->SetUseSampledPointSet(true);
  metric->Initialize();
  return metric;
}

void optimise(MattesMetric* metric) {
  using Scales = itk::RegistrationParameterScalesFromPhysicalShift<MattesMetric>;
  auto scales = Scales::New();
  scales->SetMetric(metric);
  scales->SetTransformForward(true);

  using Optimizer = itk::RegularStepGradientDescentOptimizerv4<float>;
  auto optimizer = Optimizer::New();
  optimizer->SetMetric(metric);
  optimizer->SetScalesEstimator(scales);
  optimizer->SetNumberOfWorkUnits(1);
  optimizer->SetLearningRate(1.0F);        // mm at the corners of the image
  optimizer->SetMinimumStepLength(0.01F);  // mm
  optimizer->SetRelaxationFactor(0.5F);
  optimizer->SetNumberOfIterations(60);
  optimizer->SetReturnBestParametersAndValue(false);
  optimizer->StartOptimization();
}

}  // namespace metserve::pipeline
