// DIMSE messages in an accepted association. The input is a list of fragments: a byte of flags, two of length
// (little endian), then so many bytes, each sent as a P-DATA-TF PDU of its own. Bit 0: command, bit 1: last,
// bits 2 to 4: the presentation context, bit 7: not P-DATA but these bytes as they are.

#include <algorithm>
#include <array>
#include <string_view>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "tests/fuzz/association.h"

using namespace metserve;

namespace {

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& to, const Bytes& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

Bytes item(std::uint8_t type, const Bytes& content) {
  Bytes out = {type, 0, static_cast<std::uint8_t>(content.size() >> 8),
               static_cast<std::uint8_t>(content.size() & 0xff)};
  append(out, content);
  return out;
}

Bytes text(std::string_view value) {
  return {value.begin(), value.end()};
}

Bytes presentation_context(std::uint8_t number, std::string_view sop_class, std::string_view syntax) {
  Bytes content = {number, 0, 0, 0};
  append(content, item(0x30, text(sop_class)));
  append(content, item(0x40, text(syntax)));
  return item(0x20, content);
}

Bytes request() {
  Bytes content = {0, 1, 0, 0};
  append(content, text("METSERVE        FUZZ            "));
  content.resize(content.size() + 32);
  append(content, item(0x10, text("1.2.840.10008.3.1.1.1")));
  constexpr std::array<std::string_view, 6> syntaxes = {
      UID_LittleEndianExplicitTransferSyntax, UID_LittleEndianImplicitTransferSyntax,
      UID_BigEndianExplicitTransferSyntax,    UID_DeflatedExplicitVRLittleEndianTransferSyntax,
      UID_JPEGProcess14SV1TransferSyntax,     UID_JPEG2000LosslessOnlyTransferSyntax};
  std::uint8_t number = 1;
  for (const auto syntax : syntaxes) {
    append(content, presentation_context(number, UID_MRImageStorage, syntax));
    number = static_cast<std::uint8_t>(number + 2);
  }
  append(content, presentation_context(number, UID_VerificationSOPClass, syntaxes[0]));
  Bytes user = item(0x51, {0, 0, 0x40, 0});
  append(user, item(0x52, text("1.2.3")));
  append(content, item(0x50, user));
  return fuzz::pdu(0x01, content);
}

Bytes fragment_pdu(std::uint8_t flags, std::span<const std::uint8_t> bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size() + 2);
  Bytes value = {0,
                 0,
                 static_cast<std::uint8_t>(size >> 8),
                 static_cast<std::uint8_t>(size & 0xff),
                 static_cast<std::uint8_t>(1 + 2 * (flags >> 2 & 7)),
                 static_cast<std::uint8_t>(flags & 3)};
  value.insert(value.end(), bytes.begin(), bytes.end());
  return fuzz::pdu(0x04, value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bytes association = request();
  Bytes stream;
  std::span<const std::uint8_t> left(data, size);
  while (left.size() >= 3) {
    const std::uint8_t flags = left[0];
    const auto length = std::min<std::size_t>(left[1] | left[2] << 8, left.size() - 3);
    const auto bytes = left.subspan(3, std::min<std::size_t>(length, 16000));
    left = left.subspan(3 + bytes.size());
    if ((flags & 0x80) != 0)
      stream.insert(stream.end(), bytes.begin(), bytes.end());
    else
      append(stream, fragment_pdu(flags, bytes));
  }
  fuzz::serve(association, stream);
  return 0;
}
