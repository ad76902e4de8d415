#pragma once

#include <vector>

#include "dicom/results_dataset.h"
#include "dicom/seg_frames.h"

namespace metserve::dicom {

/// Per-frame functional groups (PS3.3 C.7.6.16.1.2) and the number of frames, over whatever is there: frame
/// content, plane position, segment, and the one image that the frame was drawn on. Takes time linear in the
/// frames, which dcmfg's own writer does not. Throws Error(bad_input) for an image position that is no point.
void put_frame_groups(DcmItem& dataset, const std::vector<SegmentFrame>& frames,
                      const LoadedSeries& reference);

}  // namespace metserve::dicom
