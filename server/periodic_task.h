#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "server/logging.h"

namespace metserve::server {

/// Calls a function on a thread of its own, at once and then again and again. What it throws is logged and it
/// is called again the next time. Thread safety: constructor and destructor on one thread.
class PeriodicTask {
 public:
  /// `name` stands in the log: "NAME: what went wrong".
  PeriodicTask(std::string name, std::chrono::milliseconds interval, std::function<void()> work,
               const Log& log);
  ~PeriodicTask();  ///< lets a call under way end

 private:
  void run();

  std::string name_;
  std::chrono::milliseconds interval_;
  std::function<void()> work_;
  const Log& log_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace metserve::server
