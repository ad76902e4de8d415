#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "server/error.h"

namespace metserve::server {

/// A queue that holds at most `capacity` values and can be closed. Full: `push` waits, then refuses. Closed:
/// nothing goes in any more, what is in still comes out. Thread safety: all members from any thread,
/// `pop_all` from one.
template <class Value>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Throws Error(out_of_resources) when there is no room within `patience`, Error(cancelled) when closed.
  void push(Value value, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const bool room =
        emptied_.wait_for(lock, patience, [&] { return closed_ || values_.size() < capacity_; });
    if (closed_) throw Error(Error::Kind::cancelled, "the server is stopping");
    if (!room) throw Error(Error::Kind::out_of_resources, "the queue is full: the disk does not keep up");
    values_.push_back(std::move(value));
    if (values_.size() >= wanted_) filled_.notify_all();
  }

  /// Waits for values and takes all there are, at most `limit`; fewer than that after `linger`, so that much
  /// comes out at once. Empty: closed, and nothing is left. For one thread.
  std::vector<Value> pop_all(std::size_t limit, std::chrono::milliseconds linger) {
    std::unique_lock lock(mutex_);
    const auto enough = [this] { return closed_ || values_.size() >= wanted_; };
    wanted_ = 1;
    filled_.wait(lock, enough);
    wanted_ = limit;
    filled_.wait_for(lock, linger, enough);
    const std::size_t count = std::min(limit, values_.size());
    const auto end = values_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Value> taken(std::make_move_iterator(values_.begin()), std::make_move_iterator(end));
    values_.erase(values_.begin(), end);
    emptied_.notify_all();
    return taken;
  }

  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    filled_.notify_all();
    emptied_.notify_all();
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable filled_, emptied_;
  std::deque<Value> values_;
  std::size_t wanted_ = 1;  ///< so many wake who waits for values
  bool closed_ = false;
};

}  // namespace metserve::server
