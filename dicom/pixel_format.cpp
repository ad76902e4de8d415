#include "dicom/pixel_format.h"

#include <algorithm>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

template <typename Word>
void rescale_words(const PixelFormat& format, const Word* words, const Rescale& rescale,
                   std::span<float> out) {
  const unsigned shift = format.high_bit + 1 - format.bits_stored;
  const std::int32_t mask = static_cast<std::int32_t>((1U << format.bits_stored) - 1);
  const std::int32_t sign = format.is_signed ? std::int32_t{1} << (format.bits_stored - 1) : 0;
  const auto stored = [=](Word raw) { return (((std::int32_t{raw} >> shift) & mask) ^ sign) - sign; };
  if (rescale.slope == 1 && rescale.intercept == 0) {  // 16 bits are exact in a float
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(stored(words[i]));
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(rescale.slope * stored(words[i]) + rescale.intercept);
}

}  // namespace

void PixelFormat::check(const std::string& name) const {
  if (samples != 1 || !photometric.starts_with("MONOCHROME"))
    throw Error(Error::Kind::unsupported, name + ": not a greyscale image (" + photometric + ")");
  if (bits_allocated != 8 && bits_allocated != 16)
    throw Error(Error::Kind::unsupported,
                name + ": " + std::to_string(bits_allocated) + " bits allocated, 8 or 16 can be read");
  if (bits_stored == 0 || bits_stored > bits_allocated || high_bit >= bits_allocated ||
      high_bit + 1 < bits_stored)
    throw Error(Error::Kind::bad_input, name + ": bits stored and high bit contradict each other");
}

void PixelFormat::check_amount(std::uint64_t bytes, const std::string& name) const {
  const std::uint64_t values = bytes / bytes_per_value();
  if (rows == 0 || columns == 0 || values / rows / columns < frames)
    throw Error(Error::Kind::bad_input, name + ": pixel data is cut off: " + std::to_string(values) +
                                            " values for " + std::to_string(frames) + " frame(s) of " +
                                            std::to_string(columns) + " x " + std::to_string(rows));
}

void rescale_frame(const PixelFormat& format, const std::uint8_t* bytes, const Rescale& rescale,
                   std::span<float> out) {
  if (format.bits_allocated == 8)
    rescale_words(format, bytes, rescale, out);
  else
    rescale_words(format, reinterpret_cast<const std::uint16_t*>(bytes), rescale, out);
  if (!rescale.inverted || out.empty()) return;
  const float highest = *std::max_element(out.begin(), out.end());
  for (float& value : out) value = highest - value;
}

}  // namespace metserve::dicom
