#pragma once

#include <string>
#include <variant>
#include <vector>

#include "dicom/frames.h"
#include "dicom/volume.h"

namespace metserve::dicom {

/// Frames in the order of a volume.
struct SliceStack {
  VolumeGeometry geometry;
  std::vector<std::size_t> order;  ///< order[k] is the index of the frame that is slice k
};

/// Orders frames by the projection of their positions on the common normal (PS3.3 C.7.6.2), so that i x j = k
/// in LPS mm. The second alternative says why the frames are no regular volume: mixed orientations or
/// matrices, two frames at one position, a missing slice, uneven spacing, positions that run askew.
std::variant<SliceStack, std::string> stack_slices(const std::vector<Frame>& frames);

/// AX, SAG, COR or OBL (more than 40 degrees from each) for an (0020,0037) value; empty when it is invalid.
std::string plane_of(const std::string& image_orientation);

}  // namespace metserve::dicom
