#include "dicom/line_limit.h"

#include <algorithm>
#include <utility>

#include "dicom/address_range.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t most_hosts = 500;  ///< in a minute
constexpr std::chrono::minutes minute{1};

std::string name_of(const Host& host, const std::string& address) {
  if (!address_bytes(address)) return "an unknown address";
  const bool network = std::all_of(host.begin() + 8, host.end(), [](std::uint8_t byte) { return byte == 0; });
  return network ? address + "/64" : address;
}

}  // namespace

bool LineLimit::admits(const std::string& address) {
  const Host host = host_of(address);
  const bool has_place = hosts_.count(host) > 0 || hosts_.size() < most_hosts;
  Count& count = has_place ? hosts_[host] : others_;
  if (count.name.empty()) count.name = name_of(host, address);
  return ++count.lines <= most_;
}

std::vector<LineLimit::Excess> LineLimit::end_of_minute(TimePoint now) {
  if (now >= began_ && now - began_ <= minute) return {};
  began_ = now;
  return excess();
}

std::vector<LineLimit::Excess> LineLimit::excess() {
  std::vector<Excess> all;
  const auto add = [&](const Count& count) {
    if (count.lines > most_) all.push_back({count.name, count.lines - most_});
  };
  for (const auto& [host, count] : std::exchange(hosts_, {})) add(count);
  add(others_);
  others_.lines = 0;
  return all;
}

}  // namespace metserve::dicom
