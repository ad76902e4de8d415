#pragma once

#include <itkImage.h>
#include <itkInterpolateImageFunction.h>

// ITK's side of the registration; only registration*.cpp include it.
namespace metserve::pipeline {

/// Trilinear interpolation of a float volume, the same values as itk::LinearInterpolateImageFunction's in a
/// third of its time. Points outside the image are the nearest point of its edge.
class TrilinearValue : public itk::InterpolateImageFunction<itk::Image<float, 3>, float> {
 public:
  using Self = TrilinearValue;
  using Pointer = itk::SmartPointer<Self>;
  itkSimpleNewMacro(Self);

  OutputType EvaluateAtContinuousIndex(const ContinuousIndexType& index) const override;
  SizeType GetRadius() const override { return SizeType::Filled(1); }
};

/// Gradient of that interpolation, per mm along LPS: its exact derivative, from the same eight voxels. ITK's
/// CentralDifferenceImageFunction interpolates at six points around instead, which took most of a
/// registration's time, and is not the derivative of what is optimised. Zero outside the image.
class TrilinearGradient
    : public itk::ImageFunction<itk::Image<float, 3>, itk::CovariantVector<double, 3>, float> {
 public:
  using Self = TrilinearGradient;
  using Superclass = itk::ImageFunction<itk::Image<float, 3>, itk::CovariantVector<double, 3>, float>;
  using Pointer = itk::SmartPointer<Self>;
  itkSimpleNewMacro(Self);

  void SetInputImage(const InputImageType* image) override;
  OutputType Evaluate(const PointType& point_lps_mm) const override;
  OutputType EvaluateAtIndex(const IndexType& index) const override;
  OutputType EvaluateAtContinuousIndex(const ContinuousIndexType& index) const override;

 private:
  itk::Matrix<double, 3, 3> index_to_lps_;  ///< of derivatives: by index to by LPS mm
};

}  // namespace metserve::pipeline
