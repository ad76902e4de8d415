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
/// nothing goes in any more, what is in still comes out. Thread safety: all members from any thread.
template <class Value>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Throws Error(out_of_resources) when there is no room within `patience`, Error(cancelled) when closed.
  void push(Value value, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const bool room =
        changed_.wait_for(lock, patience, [&] { return closed_ || values_.size() < capacity_; });
    if (closed_) throw Error(Error::Kind::cancelled, "the server is stopping");
    if (!room) throw Error(Error::Kind::out_of_resources, "the queue is full: the disk does not keep up");
    values_.push_back(std::move(value));
    changed_.notify_all();
  }

  /// Waits for values and takes all there are, at most `limit`. Empty: closed, and nothing is left.
  std::vector<Value> pop_all(std::size_t limit) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !values_.empty(); });
    const std::size_t count = std::min(limit, values_.size());
    const auto end = values_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Value> taken(std::make_move_iterator(values_.begin()), std::make_move_iterator(end));
    values_.erase(values_.begin(), end);
    changed_.notify_all();
    return taken;
  }

  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Value> values_;
  bool closed_ = false;
};

}  // namespace metserve::server
