#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dicom/host_slots.h"

namespace metserve::dicom {

/// So many lines a minute about each host and no more, so that strangers cannot fill the disk; further ones
/// are counted. Of at most 500 hosts in a minute, what is about further ones counts as one. Thread safety:
/// none, its owner sees to it.
class LineLimit {
 public:
  using TimePoint = std::chrono::system_clock::time_point;

  /// Lines that were not admitted. `host`: an address, with /64 where it stands for a network of IPv6.
  struct Excess {
    std::string host;
    std::uint64_t lines = 0;
  };

  explicit LineLimit(std::uint64_t lines_a_minute) : most_(lines_a_minute) {}

  /// Counts a line about the host of `address`; false when it is one too many.
  bool admits(const std::string& address);
  /// What was too much, and a new minute begins; nothing while the minute lasts.
  std::vector<Excess> end_of_minute(TimePoint now);
  /// The same at once.
  std::vector<Excess> excess();

 private:
  struct Count {
    std::string name;
    std::uint64_t lines = 0;
  };

  const std::uint64_t most_;
  TimePoint began_;
  std::map<Host, Count> hosts_;
  Count others_{"others"};
};

}  // namespace metserve::dicom
