#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace metserve::dicom {

/// How stored values lie in Pixel Data (PS3.3 C.7.6.3.1), as the headers say it.
struct PixelFormat {
  std::size_t rows = 0, columns = 0, frames = 1, samples = 1;
  unsigned bits_allocated = 0, bits_stored = 0, high_bit = 0;
  bool is_signed = false;
  std::string photometric;

  bool operator==(const PixelFormat&) const = default;
  std::size_t bytes_per_value() const { return bits_allocated / 8; }

  /// Throws Error(unsupported) for anything but greyscale of 8 or 16 bits, Error(bad_input) for bits that
  /// contradict each other or when `bytes` are too few for all frames. `name` starts the text: series and
  /// instance.
  void check(const std::string& name) const;
  void check_amount(std::uint64_t bytes, const std::string& name) const;
};

/// Maps a stored value to what it stands for.
struct Rescale {
  double slope = 1, intercept = 0;
  bool inverted = false;  ///< high values are dark (MONOCHROME1, PS3.3 C.7.6.3.1.2)
};

/// Writes slope * stored value + intercept for each of one frame's values, which lie in `bytes` in the byte
/// order of this machine and aligned for them; `out.size()` is rows x columns. An inverted frame is mirrored
/// about its highest value: every image of a head holds air, which is near 0 again then. Each frame has its
/// own, because slopes differ from frame to frame, and who inverts may take each image's own range.
void rescale_frame(const PixelFormat& format, const std::uint8_t* bytes, const Rescale& rescale,
                   std::span<float> out);

}  // namespace metserve::dicom
