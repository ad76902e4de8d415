#pragma once

#include "pipeline/mutual_information.h"
#include "pipeline/quasi_newton.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// `from` with the moving image's points turned further about where it sends `centre_lps_mm` (fixed), and
/// then shifted. First three numbers of `by`: the turn's axis times the tangent of half its angle; the others
/// mm.
RigidTransform moved(const RigidTransform& from, const dicom::Vec3& centre_lps_mm, const Vector6& by);

struct SearchOptions {
  dicom::Vec3 centre_lps_mm{};  ///< of the fixed head: turns are about it
  double edge_mm = 1;  ///< of the image's voxels: the longest step; a hundredth of it ends the search
};

/// The maximum of mutual information nearest to `start`. A turn is weighted by how far it shifts the sample
/// points, which makes turns and slides comparable.
RigidTransform search(MutualInformation& information, const FixedSamples& fixed, const RigidTransform& start,
                      const SearchOptions& options);

}  // namespace metserve::pipeline
