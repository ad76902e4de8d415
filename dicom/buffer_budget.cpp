#include "dicom/buffer_budget.h"

#include <utility>

namespace metserve::dicom {

bool BufferBudget::take(const Host& host, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_host_.find(host);
  const std::size_t of_host = found == by_host_.end() ? 0 : found->second;
  if (bytes > most_ - taken_ || of_host + bytes > most_ / 2) return false;
  by_host_[host] = of_host + bytes;
  taken_ += bytes;
  return true;
}

void BufferBudget::give_back(const Host& host, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_host_.find(host);
  if (found == by_host_.end()) return;
  taken_ -= bytes;
  found->second -= bytes;
  if (found->second == 0) by_host_.erase(found);
}

bool BufferShare::take(std::size_t bytes) {
  if (!budget_.take(host_, bytes)) return false;
  bytes_ += bytes;
  return true;
}

void BufferShare::give_back() {
  if (bytes_ > 0) budget_.give_back(host_, std::exchange(bytes_, 0));
}

}  // namespace metserve::dicom
