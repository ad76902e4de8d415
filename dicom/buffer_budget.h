#pragma once

#include <cstddef>
#include <map>
#include <mutex>

#include "dicom/host_slots.h"

namespace metserve::dicom {

/// Bytes of datasets in memory, of all associations together; one host gets at most half, so that it cannot
/// leave the others without. Thread safety: all members from any thread.
class BufferBudget {
 public:
  explicit BufferBudget(std::size_t most_bytes) : most_(most_bytes) {}

  /// False, and nothing is taken, when there is not as much left for this host.
  bool take(const Host& host, std::size_t bytes);
  void give_back(const Host& host, std::size_t bytes);

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::size_t taken_ = 0;
  std::map<Host, std::size_t> by_host_;
};

/// What one dataset has of the budget, until its end. Belongs to one thread.
class BufferShare {
 public:
  BufferShare(BufferBudget& budget, const Host& host) : budget_(budget), host_(host) {}
  ~BufferShare() { give_back(); }
  BufferShare(const BufferShare&) = delete;
  BufferShare& operator=(const BufferShare&) = delete;

  bool take(std::size_t bytes);
  void give_back();

 private:
  BufferBudget& budget_;
  const Host host_;
  std::size_t bytes_ = 0;
};

}  // namespace metserve::dicom
