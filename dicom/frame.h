#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace metserve::dicom {

/// One frame, or a single-frame image, as far as its place in a volume goes.
struct Frame {
  std::string title;         ///< as viewers show it: "image 12" (Instance Number) or "frame 3"
  std::string label;         ///< for messages, e.g. "instance 12 (1.2.3)" or "frame 3 of 1.2.3"
  std::size_t file = 0;      ///< index into the series' instances
  std::uint32_t number = 1;  ///< 1-based
  std::size_t rows = 0, columns = 0;
  std::string frame_of_reference_uid, position, orientation, pixel_spacing, thickness;  ///< as sent
  std::optional<double> spacing_between_slices_mm;
  double slope = 1, intercept = 0;
  bool inverted = false;  ///< MONOCHROME1: what is stored as high is shown dark

  bool operator==(const Frame&) const = default;
};

}  // namespace metserve::dicom
