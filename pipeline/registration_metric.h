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
using MattesMetric =
    itk::MattesMutualInformationImageToImageMetricv4<RegistrationImage, RegistrationImage, RegistrationImage,
                                                     float>;
using SamplePoints = MattesMetric::FixedSampledPointSetType;

/// The volume as ITK holds it, same frame (ITK's physical space is LPS mm too), intensities clamped to their
/// 0.1 and 99.5 percentiles so that a few bright vessels do not eat the histogram.
RegistrationImage::Pointer to_itk(const dicom::Volume& volume);

/// `points` in LPS mm as the metric takes them.
SamplePoints::Pointer to_itk(const std::vector<dicom::Vec3>& points);

/// Mattes mutual information with 32 bins over `points` of `fixed`, on one thread: ITK 5.2's sums differ from
/// run to run with several. Ready to be evaluated; `transform` maps fixed LPS mm to moving LPS mm.
MattesMetric::Pointer make_metric(const RegistrationImage* fixed, SamplePoints* points,
                                  const RegistrationImage* moving, VersorTransform* transform);

/// Moves `transform` to the metric's optimum nearest to where it stands.
void optimise(MattesMetric* metric);

}  // namespace metserve::pipeline
