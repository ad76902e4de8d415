#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace metserve::dicom {

/// What is a host for the purpose of limits: an IPv4 address, or an IPv6 network of 64 bits, since one
/// machine commands all of that. Unreadable addresses are one host.
using Host = std::array<std::uint8_t, 16>;
Host host_of(const std::string& address);

/// Associations that are open, by host, so that none takes the place of all others. Thread safety: all
/// members from any thread.
class HostSlots {
 public:
  explicit HostSlots(std::size_t most) : most_(most) {}

  /// False when the host has as many as one may have.
  bool take(const Host& host);
  /// One that was taken is free again.
  void release(const Host& host);

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::map<Host, std::size_t> taken_;
};

}  // namespace metserve::dicom
