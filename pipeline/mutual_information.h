#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dicom/volume.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// Intensities that the histogram spans; what lies beyond counts as its nearer end.
struct IntensityRange {
  float low = 0, high = 1;
};

/// 0.1 and 99.5 percentiles of about 300,000 voxels at most, so that a few bright vessels do not eat the
/// histogram. Throws Error(bad_input) when they are the same.
IntensityRange intensity_range(const dicom::Volume& volume);

/// What the fixed image contributes: points and the histogram's bin that it has there.
struct FixedSamples {
  std::vector<dicom::Vec3> points_lps_mm;
  std::vector<std::uint8_t> bins;

  /// `points_lps_mm`: those outside `fixed` are left out.
  FixedSamples(const dicom::Volume& fixed, const IntensityRange& range,
               const std::vector<dicom::Vec3>& points_lps_mm);
};

/// What mutual information changes by with each number of a transform, nats per unit and per mm.
struct TransformGradient {
  std::array<double, 9> rotation{};
  dicom::Vec3 translation_mm{};
};

/// Mutual information of two images after Mattes et al., "PET-CT image registration in the chest using
/// free-form deformations", IEEE TMI 22(1), 2003: a joint histogram of 32 by 32 bins over fixed sample
/// points, zero-order window for the fixed and cubic B-spline for the moving intensities, so that it has an
/// exact gradient. The moving image is interpolated trilinearly. The values are those of ITK's
/// MattesMutualInformationImageToImageMetricv4, and so are the gradients where ITK's image gradient is exact
/// (a test compares them). It goes over the points twice, once for the histogram and once for the gradient,
/// in place of keeping the derivatives of every bin. Thread safety: one thread an object; deterministic.
class MutualInformation {
 public:
  /// Keeps references to `fixed` and `moving`.
  MutualInformation(const FixedSamples& fixed, const dicom::Volume& moving, const IntensityRange& range);

  /// Nats, of the points that land inside the moving image (half a voxel beyond the outermost voxel centres
  /// included); 0 when none does. The linear part of `fixed_to_moving` need not be a rotation.
  double at(const RigidTransform& fixed_to_moving, TransformGradient* gradient = nullptr);

 private:
  /// A point that landed inside the moving image.
  struct Landed {
    std::uint32_t point;
    std::uint32_t bin;           ///< of the joint histogram, the lowest of the four that it falls into
    float fraction;              ///< of the moving intensity within its bin, 0..1
    std::array<float, 3> slope;  ///< bins per voxel along columns, rows, slices
  };
  void land(const RigidTransform& fixed_to_moving);
  double information();
  TransformGradient gradient() const;

  const FixedSamples& fixed_;
  const dicom::Volume& moving_;
  IntensityRange range_;
  std::array<dicom::Vec3, 3> lps_to_index_;  ///< rows: column, row and slice per mm
  std::vector<Landed> landed_;
  std::vector<double> joint_;  ///< [fixed bin, moving bin], counts; after `information` ln(p(f, m) / p(m))
};

}  // namespace metserve::pipeline
