#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dicom/read_segmentation.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// How much of a lesion lies within the images of another study.
struct Seen {
  std::size_t voxels = 0, within = 0;
  /// Registration and the images' last voxels take the rest.
  bool whole() const { return static_cast<double>(within) >= 0.95 * static_cast<double>(voxels); }
};

/// Of each of `lesions` parts of `labels`, on `own`: its voxels, and those within `images`, whose LPS mm
/// `to_images` gives.
std::vector<Seen> seen_within(const dicom::VolumeGeometry& images, const std::vector<std::uint16_t>& labels,
                              std::size_t lesions, const dicom::VolumeGeometry& own,
                              const RigidTransform& to_images);

/// A lesion as the earlier study's segmentation has it.
struct EarlierLesion {
  int number = 0;
  std::string name, tracking_uid;
  double volume_mm3 = 0;
  Seen seen{};  ///< of the voxels that no other segment covers, within the images of this study
};

/// The segments of `earlier` in their order, named and numbered as they are, or by their order where another
/// program named them; what is `seen` of them is left to seen_within().
std::vector<EarlierLesion> earlier_lesions(const dicom::ReadSegmentation& earlier);

}  // namespace metserve::pipeline
