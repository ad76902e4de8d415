#include "dicom/address_range.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

constexpr unsigned mapped_bits = 96;  ///< before the IPv4 address in an IPv6 one

[[noreturn]] void refuse(const std::string& text) {
  throw Error(Error::Kind::bad_input,
              "'" + text + "' is no address and no range like 192.0.2.0/24 or 2001:db8::/32");
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> address_bytes(const std::string& text) {
  const auto address = text.substr(0, text.find('%'));
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  if (inet_pton(AF_INET, address.c_str(), bytes.data() + mapped_bits / 8) != 1) return std::nullopt;
  bytes[10] = bytes[11] = 0xff;
  return bytes;
}

AddressRange::AddressRange(const std::string& text) {
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  const auto bytes = address_bytes(address);
  if (!bytes) refuse(text);
  begin_ = *bytes;
  if (slash == std::string::npos) return;
  const unsigned offset = address.find(':') == std::string::npos ? mapped_bits : 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits_);
  if (error != std::errc() || stop != end || bits_ > 128 - offset) refuse(text);
  bits_ += offset;
}

bool AddressRange::contains(const std::string& address) const {
  const auto bytes = address_bytes(address);
  if (!bytes) return false;
  const unsigned whole = bits_ / 8, rest = bits_ % 8;
  if (!std::equal(begin_.begin(), begin_.begin() + whole, bytes->begin())) return false;
  return rest == 0 || (begin_[whole] ^ (*bytes)[whole]) >> (8 - rest) == 0;
}

}  // namespace metserve::dicom
