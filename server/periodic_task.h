#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "server/logging.h"

namespace metserve::server {

/// Calls a function on a thread of its own, at once and then again and again. What it throws is logged and it
/// is called again the next time. Thread safety: constructor and destructor on one thread.
class PeriodicTask {
 public:
  /// `name` stands in the log: "NAME: what went wrong". Work that takes long looks at the token.
  PeriodicTask(std::string name, std::chrono::milliseconds interval,
               std::function<void(const std::stop_token&)> work, const Log& log);
  PeriodicTask(std::string name, std::chrono::milliseconds interval, std::function<void()> work,
               const Log& log);
  ~PeriodicTask() = default;  ///< asks a call under way to stop, and waits for it

 private:
  void run(const std::stop_token& stop);

  std::string name_;
  std::chrono::milliseconds interval_;
  std::function<void(const std::stop_token&)> work_;
  const Log& log_;
  std::jthread thread_;
};

}  // namespace metserve::server
