#include "server/periodic_task.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "server/error_table.h"

namespace metserve::server {

PeriodicTask::PeriodicTask(std::string name, std::chrono::milliseconds interval,
                           std::function<void(const std::stop_token&)> work, const Log& log)
    : name_(std::move(name)),
      interval_(interval),
      work_(std::move(work)),
      log_(log),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

PeriodicTask::PeriodicTask(std::string name, std::chrono::milliseconds interval, std::function<void()> work,
                           const Log& log)
    : PeriodicTask(
          std::move(name), interval, [work = std::move(work)](const std::stop_token&) { work(); }, log) {}

void PeriodicTask::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  do {
    try {
      work_(stop);
    } catch (const std::exception& error) {
      log_.write(handling(error).log_level, name_ + ": " + reason_of(error));
    }
    stopped.wait_for(lock, stop, interval_, [] { return false; });
  } while (!stop.stop_requested());
}

}  // namespace metserve::server
