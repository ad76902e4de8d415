#include "server/periodic_task.h"

#include <utility>

#include "server/error_table.h"

namespace metserve::server {

PeriodicTask::PeriodicTask(std::string name, std::chrono::milliseconds interval, std::function<void()> work,
                           const Log& log)
    : name_(std::move(name)), interval_(interval), work_(std::move(work)), log_(log), thread_([this] {
        run();
      }) {}

PeriodicTask::~PeriodicTask() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void PeriodicTask::run() {
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    try {
      work_();
    } catch (const std::exception& error) {
      log_.write(handling(error).log_level, name_ + ": " + reason_of(error));
    }
    lock.lock();
  } while (!stop_.wait_for(lock, interval_, [this] { return stopping_; }));
}

}  // namespace metserve::server
