#pragma once

#include <functional>

namespace metserve::server {

/// Turns SIGTERM and SIGINT into something to wait for, and ignores SIGPIPE. To be made before any thread, so
/// that every thread leaves the signals to the one that waits. Thread safety: one thread.
class StopSignals {
 public:
  StopSignals();

  /// Returns at the first signal, or within half a second of `or_when` becoming true.
  void wait(const std::function<bool()>& or_when) const;
};

}  // namespace metserve::server
