#include "models/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <vector>

#include <ATen/Parallel.h>

#include "models/device.h"

namespace metserve::models {

int studies_at_once(const torch::Device& device) {
  return device.is_cpu() ? at::get_num_threads() : 1;
}

void side_by_side(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  const std::size_t workers = std::min(count, static_cast<std::size_t>(std::max(1, threads)));
  std::atomic<std::size_t> next = 0;
  const auto take_turns = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      next = count;
      throw;
    }
  };
  if (workers <= 1) return take_turns();
  const ThreadLimit one_each(1);
  std::vector<std::future<void>> all;
  for (std::size_t i = 0; i < workers; ++i) all.push_back(std::async(std::launch::async, take_turns));
  for (const std::future<void>& one : all) one.wait();
  for (std::future<void>& one : all) one.get();
}

}  // namespace metserve::models
