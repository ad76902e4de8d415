#include "dicom/host_slots.h"

#include <algorithm>

#include "dicom/address_range.h"

namespace metserve::dicom {

Host host_of(const std::string& address) {
  static const AddressRange ipv4("::ffff:0:0/96");
  Host host = address_bytes(address).value_or(Host{});
  if (!ipv4.contains(address)) std::fill(host.begin() + 8, host.end(), std::uint8_t{0});
  return host;
}

bool HostSlots::take(const Host& host) {
  const std::scoped_lock lock(mutex_);
  auto& taken = taken_[host];
  if (taken >= most_) return false;
  ++taken;
  return true;
}

void HostSlots::release(const Host& host) {
  const std::scoped_lock lock(mutex_);
  const auto found = taken_.find(host);
  if (found != taken_.end() && --found->second == 0) taken_.erase(found);
}

}  // namespace metserve::dicom
