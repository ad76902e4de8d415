#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "server/error.h"

namespace metserve::server {

/// Why nothing can be acknowledged any more until the process is started again: a sync that failed. The
/// kernel may drop the pages that it could not write, so a second sync that succeeds would prove nothing.
/// Thread safety: all members from any thread.
class FinalFailure {
 public:
  /// The first reason stays.
  void set(const std::string& reason) {
    const std::scoped_lock lock(mutex_);
    if (reason_.empty()) reason_ = reason;
    happened_ = true;
  }
  /// Throws Error(io) with the reason when there is one.
  void require_none() const {
    if (!happened_) return;
    const std::scoped_lock lock(mutex_);
    throw Error(Error::Kind::io, "nothing is accepted until the server is started again: " + reason_);
  }
  bool happened() const { return happened_; }

 private:
  mutable std::mutex mutex_;
  std::string reason_;
  std::atomic<bool> happened_{false};
};

}  // namespace metserve::server
