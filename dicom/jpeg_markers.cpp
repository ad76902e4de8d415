#include "dicom/jpeg_markers.h"

#include <cstddef>

namespace metserve::dicom {
namespace {

/// A start of frame; the table definitions between them are none.
bool is_frame_header(unsigned marker) {
  return marker >= 0xffc0 && marker <= 0xffcf && marker != 0xffc4 && marker != 0xffc8 && marker != 0xffcc;
}

/// Restart, start and end of image, and reserved ones: markers without a length.
bool stands_alone(unsigned marker) {
  return (marker >= 0xffd0 && marker <= 0xffd9) || (marker > 0xff01 && marker < 0xffc0);
}

}  // namespace

bool endless_for_dcmtk(std::span<const std::uint8_t> stream) {
  const auto word = [&](std::size_t at) { return static_cast<unsigned>(stream[at] << 8 | stream[at + 1]); };
  for (std::size_t at = 0; at + 4 < stream.size();) {
    const unsigned marker = word(at);
    if (marker == 0xff01) return true;
    if (marker < 0xff01 || is_frame_header(marker)) return false;
    if (marker == 0xffff)
      at += 1;  // a fill byte
    else
      at += stands_alone(marker) ? 2 : word(at + 2) + 2;
  }
  return false;
}

}  // namespace metserve::dicom
