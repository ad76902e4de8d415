#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>

#include "dicom/pixel_format.h"

namespace metserve::dicom {

/// Decoded stored values of one dataset's Pixel Data (PS3.3 C.7.6.3), single-channel, 8 or 16 bits, signed or
/// unsigned, of any transfer syntax that DCMTK decodes. Borrows the dataset.
class Pixels {
 public:
  /// Decodes. `name` starts the text of errors: series and instance. Throws Error(unsupported) for a transfer
  /// syntax without decoder or a pixel format other than the above, Error(bad_input) when pixel data is
  /// missing, damaged or shorter than rows x columns x frames.
  Pixels(DcmDataset& dataset, std::string name);

  /// Writes one frame's values rescaled, row by row; `frame` is 1-based and `out.size()` is rows x columns.
  void read_frame(std::uint32_t frame, const Rescale& rescale, std::span<float> out) const;

 private:
  void decode(DcmDataset& dataset);

  std::string name_;
  PixelFormat format_;
  const std::uint8_t* bytes_ = nullptr;
};

}  // namespace metserve::dicom
