#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "dicom/line_limit.h"

namespace metserve::dicom {

/// Warnings about peers, in the log: so many lines a minute about each host, then one with the number of
/// those left out. Thread safety: all members from any thread.
class PeerLog {
 public:
  explicit PeerLog(std::uint64_t lines_a_minute) : limit_(lines_a_minute) {}
  ~PeerLog();
  PeerLog(const PeerLog&) = delete;
  PeerLog& operator=(const PeerLog&) = delete;

  void warn(const std::string& peer_address, const std::string& line);
  /// Says what was left out when a minute is over; to be called now and then.
  void sum_up();

 private:
  static void tell(const std::vector<LineLimit::Excess>& left_out);

  std::mutex mutex_;
  LineLimit limit_;
};

}  // namespace metserve::dicom
