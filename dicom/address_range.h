#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace metserve::dicom {

/// In IPv6's form, IPv4 as ::ffff:a.b.c.d, without an interface ("%eth0"); nothing for what is no address.
std::optional<std::array<std::uint8_t, 16>> address_bytes(const std::string& text);

/// Addresses with a common beginning, IPv4 or IPv6. IPv4 is also recognised as IPv6 writes it
/// (::ffff:a.b.c.d).
class AddressRange {
 public:
  /// "192.0.2.17", "192.0.2.0/24", "2001:db8::/32". Throws Error(bad_input) for anything else.
  explicit AddressRange(const std::string& text);

  /// False for what is no address.
  bool contains(const std::string& address) const;

 private:
  std::array<std::uint8_t, 16> begin_{};
  unsigned bits_ = 128;
};

}  // namespace metserve::dicom
