#include "dicom/peer_log.h"

#include "dicom/network_log.h"

namespace metserve::dicom {

PeerLog::~PeerLog() {
  tell(limit_.excess());
}

void PeerLog::warn(const std::string& peer_address, const std::string& line) {
  sum_up();
  const std::scoped_lock lock(mutex_);
  if (limit_.admits(peer_address)) log_warning(line);
}

void PeerLog::sum_up() {
  const std::scoped_lock lock(mutex_);
  tell(limit_.end_of_minute(std::chrono::system_clock::now()));
}

void PeerLog::tell(const std::vector<LineLimit::Excess>& left_out) {
  for (const auto& [host, lines] : left_out)
    log_warning(std::to_string(lines) + " more from " + host + " within a minute, left out of this log");
}

}  // namespace metserve::dicom
