#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "dicom/results.h"

namespace metserve::dicom {

/// A segment of a segmentation that was read.
struct SegmentDescription {
  std::string tracking_id, tracking_uid;  ///< empty when the object has none
  std::size_t voxels = 0;                 ///< all of its own, also those that a later segment covers
};

/// A Segmentation as one label map. Frame of reference: that of `frame_of_reference_uid`, LPS mm.
struct ReadSegmentation {
  ObjectReference reference;
  std::string patient_id, study_date, frame_of_reference_uid;  ///< as sent
  std::string source_series_uid;  ///< the series that it was drawn on; empty when it names none
  std::set<std::string> source_sop_instance_uids;  ///< images of that series that it names
  VolumeGeometry geometry;                         ///< from the first to the last slice that holds something
  std::vector<std::uint16_t> labels;  ///< [slices, rows, columns], 0 or 1 + index into `segments`
  std::vector<SegmentDescription> segments;
  std::string algorithm;       ///< name and version of what found the segments; empty where it names none
  std::string weights_sha256;  ///< of ours: of the model
  std::set<std::string> sequences_used;  ///< of ours: names of those that the model saw
};

/// Reads a BINARY segmentation, or a FRACTIONAL one at half of its largest value, ours or another program's.
/// Where segments overlap the later one holds. Throws what read_file throws, Error(bad_input) for another
/// object or one whose frames lie on no regular grid, Error(unsupported) for compressed pixels.
ReadSegmentation read_segmentation(const std::filesystem::path& file);

}  // namespace metserve::dicom
