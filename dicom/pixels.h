#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>

namespace metserve::dicom {

/// Decoded stored values of one dataset's Pixel Data (PS3.3 C.7.6.3), single-channel, 8 or 16 bits, signed or
/// unsigned, of any transfer syntax that DCMTK decodes. Borrows the dataset.
class Pixels {
 public:
  /// Decodes. `name` starts the text of errors: series and instance. Throws Error(unsupported) for a transfer
  /// syntax without decoder or a pixel format other than the above, Error(bad_input) when pixel data is
  /// missing, damaged or shorter than rows x columns x frames.
  Pixels(DcmDataset& dataset, std::string name);

  /// Writes slope * stored value + intercept of one frame, row by row; `frame` is 1-based and
  /// `out.size()` is rows x columns.
  void read_frame(std::uint32_t frame, double slope, double intercept, std::span<float> out) const;

 private:
  void read_format(DcmDataset& dataset);
  void decode(DcmDataset& dataset);

  std::string name_;
  std::size_t rows_ = 0, columns_ = 0, frames_ = 1;
  unsigned bits_allocated_ = 0, bits_stored_ = 0, high_bit_ = 0;
  bool is_signed_ = false;
  const std::uint8_t* values8_ = nullptr;
  const std::uint16_t* values16_ = nullptr;
};

}  // namespace metserve::dicom
