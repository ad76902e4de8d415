#pragma once

#include <cstddef>
#include <vector>

#include <itkImage.h>
#include <itkMattesMutualInformationImageToImageMetricv4.h>
#include <itkVersorRigid3DTransform.h>

#include "dicom/volume.h"

// ITK's side of the registration; only registration*.cpp include it.
namespace metserve::pipeline {

using RegistrationImage = itk::Image<float, 3>;
using VersorTransform = itk::VersorRigid3DTransform<float>;

/// On one thread: ITK's sums differ in the last bits from run to run with several, and 5.2 ignores
/// SetMaximumNumberOfWorkUnits for the threader that goes over sample points.
class MattesMetric
    : public itk::MattesMutualInformationImageToImageMetricv4<RegistrationImage, RegistrationImage,
                                                              RegistrationImage, float> {
 public:
  using Self = MattesMetric;
  using Pointer = itk::SmartPointer<Self>;
  itkSimpleNewMacro(Self);

 protected:
  MattesMetric() { m_SparseGetValueAndDerivativeThreader->SetNumberOfWorkUnits(1); }
};

using SamplePoints = MattesMetric::FixedSampledPointSetType;

/// The volume as ITK holds it, same frame (ITK's physical space is LPS mm too), intensities clamped to their
/// 0.1 and 99.5 percentiles so that a few bright vessels do not eat the histogram.
RegistrationImage::Pointer to_itk(const dicom::Volume& volume);

/// `points` in LPS mm as the metric takes them.
SamplePoints::Pointer to_itk(const std::vector<dicom::Vec3>& points);

/// Mattes mutual information with 32 bins over `points` of `fixed`. Ready to be evaluated; `transform` maps
/// fixed LPS mm to moving LPS mm.
MattesMetric::Pointer make_metric(const RegistrationImage* fixed, SamplePoints* points,
                                  const RegistrationImage* moving, VersorTransform* transform);

/// Moves `transform`, which `metric` evaluates, to the optimum nearest to where it stands. Parameters are
/// weighted by how far they shift the sample points. `edge_mm`: of the image's voxels, limits the steps.
void optimise(MattesMetric* metric, VersorTransform* transform, double edge_mm);

}  // namespace metserve::pipeline
