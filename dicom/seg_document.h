#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dicom/results.h"
#include "dicom/results_colour.h"
#include "dicom/results_dataset.h"
#include "dicom/seg_frames.h"

namespace metserve::dicom {

enum class SegmentationValues { binary, probability };

/// FRACTIONAL pixels: this value is the probability 1.
inline constexpr std::uint16_t largest_fraction = 255;

struct SegmentText {
  std::string label, description;
  DisplayColour colour;
  std::string tracking_id, tracking_uid;  ///< empty for what is no single finding
};

/// All that a Segmentation says besides its frames.
struct SegmentationText {
  const ObjectIdentity& identity;
  SegmentationValues values = SegmentationValues::binary;
  const char* label = "";        ///< at most 16 capitals, digits, spaces and underscores (CS)
  const char* description = "";  ///< at most 64 characters
  std::vector<SegmentText> segments;
  std::optional<ObjectReference> superseded;
};

struct SegmentationFrames {
  std::vector<SegmentFrame> frames;
  std::vector<std::uint8_t> pixels;  ///< of all frames as they are stored, an even number of bytes
};

/// Writes a Segmentation (PS3.3 A.51) on the grid of the context's reference. Throws Error(bad_input) for
/// what the standard cannot hold, Error(io) when `file` cannot be written.
void write_segmentation_document(const ResultContext& context, const SegmentationText& text,
                                 const SegmentationFrames& frames, const std::filesystem::path& file);

}  // namespace metserve::dicom
