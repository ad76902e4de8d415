#pragma once

#include <optional>

#include "dicom/frames.h"
#include "dicom/study.h"

namespace metserve::dicom {

/// A moment as the headers give it: the date may be missing in de-identified images.
struct Moment {
  std::optional<long> day;  ///< since 1970-01-01
  double seconds = 0;       ///< since midnight

  bool operator==(const Moment&) const = default;
};

/// Parses DA and TM text; nothing without a valid time.
std::optional<Moment> parse_moment(const std::string& date, const std::string& time);

/// When the frame was acquired, from the most to the least exact attribute.
std::optional<Moment> acquisition_moment(const FrameAttributes& attributes);

/// Everything but what only a whole series knows: times, plane, number of images and geometry.
SeriesHeader read_header(const FrameAttributes& attributes);

}  // namespace metserve::dicom
