#pragma once

#include <functional>

namespace metserve::server {

/// Turns SIGTERM, SIGINT and SIGHUP into something to wait for, and ignores SIGPIPE. To be made before any
/// thread, so that every thread leaves the signals to the one that waits. Thread safety: one thread.
class StopSignals {
 public:
  StopSignals();

  /// Returns at the first SIGTERM or SIGINT, or within half a second of `or_when` becoming true. Calls
  /// `on_hangup` at each SIGHUP.
  void wait(const std::function<bool()>& or_when, const std::function<void()>& on_hangup) const;
};

}  // namespace metserve::server
