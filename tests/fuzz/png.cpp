// Slices of BrainMetShare: `models::read_png_slices`. An odd first byte asks for right checksums, without
// which nothing behind the first chunk that was changed would be looked at.

#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <torch/types.h>
#include <zlib.h>

#include "models/data/png_slices.h"
#include "models/error.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

namespace {

/// Chunks are length, type, content and the CRC-32 of the latter two (PNG specification, section 5.3).
void correct_checksums(std::vector<std::uint8_t>& png) {
  constexpr std::size_t signature = 8, around = 12;
  for (std::size_t at = signature; at + around <= png.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, &png[at], sizeof length);
    length = ntohl(length);
    if (length > png.size() - at - around) return;
    const auto crc = htonl(static_cast<std::uint32_t>(crc32(0, &png[at + 4], length + 4)));
    std::memcpy(&png[at + 8 + length], &crc, sizeof crc);
    at += around + length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  if (size < 1) return 0;
  std::vector<std::uint8_t> png(data + 1, data + size);
  if (data[0] % 2 == 1) correct_checksums(png);
  scratch.write("1.png", png);
  try {
    const auto slices = models::read_png_slices(scratch.directory()).voxels;
    fuzz::require(slices.dim() == 3 && slices.size(0) == 1);
  } catch (const models::Error&) {
  }
  return 0;
}
