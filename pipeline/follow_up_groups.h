#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "dicom/read_segmentation.h"
#include "pipeline/lesions.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// Lesions that belong together across two studies: indices into the lesions now and into the segments
/// before.
struct LesionGroup {
  std::vector<std::size_t> now, before;
};

struct LesionLinks {
  std::vector<LesionGroup> groups;  ///< every lesion is in exactly one
  std::vector<std::optional<std::size_t>>
      identity;  ///< by lesion now: the segment whose number it keeps, the one that it shares most with
};

/// Links lesions whose voxels meet after `to_earlier` (LPS mm of `grid` to LPS mm of `earlier`) in a fifth of
/// the smaller one, or in less where neither has another partner, and those that meet nothing with what is
/// within `tolerance_mm`.
LesionLinks link_lesions(const LesionMap& map, const dicom::VolumeGeometry& grid,
                         const dicom::ReadSegmentation& earlier, const RigidTransform& to_earlier,
                         double tolerance_mm);

}  // namespace metserve::pipeline
