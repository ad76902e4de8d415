#pragma once

#include <array>
#include <memory>
#include <string>

#include "dicom/volume.h"

namespace metserve::pipeline {

/// Rigid map from points of the fixed (reference) image to points of the moving image, both LPS mm:
/// moving = rotation * fixed + translation_mm. Row-major rotation.
struct RigidTransform {
  std::array<double, 9> rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};
  dicom::Vec3 translation_mm{};

  dicom::Vec3 apply(const dicom::Vec3& fixed_lps_mm) const;
  RigidTransform inverse() const;
  double rotation_deg() const;  ///< angle of the rotation, 0..180
};

struct Registration {
  RigidTransform fixed_to_moving;
  double displacement_mm = 0;             ///< of the centre of the fixed head
  double mutual_information = 0;          ///< of the result, nats, over the head
  double initial_mutual_information = 0;  ///< of the DICOM geometry as it came
  double distinctness = 0;  ///< nats by which the result exceeds its mean 10 mm and 8 degrees away
  double overlap = 1;       ///< share of the fixed head that lies within the moving image, 0..1
  bool accepted = true;     ///< false: cannot be trusted, leave the sequence out
  std::string reason;       ///< why not accepted
};

struct RegistrationOptions {
  double largest_rotation_deg = 45;     ///< more is not a patient who moved, 0..180
  double largest_translation_mm = 80;   ///< likewise, at the head's centre
  double neck_cut_mm = 150;             ///< samples further below the vertex are left out: the neck bends
  double smallest_distinctness = 0.05;  ///< nats; below it nothing says that the images match, >= 0
  double smallest_overlap = 0.5;        ///< below it too little of the head is in both images, 0..1
};

/// What the series of a study are registered to: pyramid and sample points, made once a study.
/// Thread safety: immutable, `align` may be called from several threads at once.
class RegistrationTarget {
 public:
  /// Throws Error(bad_input) when there is no head in `fixed`.
  RegistrationTarget(const dicom::Volume& fixed, const RegistrationOptions& options);
  ~RegistrationTarget();
  RegistrationTarget(RegistrationTarget&&) noexcept;
  RegistrationTarget& operator=(RegistrationTarget&&) noexcept;

  /// Mattes mutual information over a versor rigid transform, 8, 4 and 1 mm (docs/registration.md); starts
  /// from the DICOM geometry. Deterministic: one thread, fixed quasi-random sample points. A result that
  /// cannot be trusted is returned with the reason. Throws Error(bad_input) when `moving` has no contrast.
  Registration align(const dicom::Volume& moving) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One series to one reference: RegistrationTarget(fixed, options).align(moving).
Registration register_rigid(const dicom::Volume& fixed, const dicom::Volume& moving,
                            const RegistrationOptions& options);

}  // namespace metserve::pipeline
