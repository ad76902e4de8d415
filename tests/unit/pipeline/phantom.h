#pragma once

#include "dicom/volume.h"
#include "pipeline/registration.h"

namespace metserve::pipeline::test {

enum class PhantomContrast { t1, flair };

/// A head of ellipsoids: scalp, skull, brain with ventricles and 60 blobs, and a neck. Its centre is the
/// origin of LPS space, its vertex 95 mm above. Sampled on `geometry` after the patient moved: a point x of
/// the still head is seen at `motion`.apply(x). Some noise, the same at every call.
dicom::Volume phantom_head(const dicom::VolumeGeometry& geometry, PhantomContrast contrast,
                           const RigidTransform& motion);

/// Axial, rows towards the back, about centred on the head.
dicom::VolumeGeometry axial_geometry(double in_plane_mm, double slice_mm);
/// Sagittal: columns run to the back, rows downwards, slices from right to left of the picture's normal.
dicom::VolumeGeometry sagittal_geometry(double in_plane_mm, double slice_mm);

/// Rotation about `centre` by angles about x, then y, then z, and a translation.
RigidTransform motion_about(const dicom::Vec3& centre, const dicom::Vec3& degrees,
                            const dicom::Vec3& shift_mm);

/// The transform back.
RigidTransform inverse(const RigidTransform& transform);

/// Mean distance of where the two transforms send points of the brain, mm.
double mean_target_error_mm(const RigidTransform& found, const RigidTransform& truth,
                            const dicom::Vec3& centre);

}  // namespace metserve::pipeline::test
