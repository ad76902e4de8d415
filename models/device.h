#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

namespace metserve::models {

/// "cpu", "cuda" or "cuda:N". Throws Error(device) when that is no device, or none that is there.
torch::Device device_from_name(const std::string& name);

/// One or several of them, separated by commas; at least one.
std::vector<torch::Device> devices_from_names(const std::string& names);

/// Whole cores that this process may use (sched_setaffinity, cpusets of containers, `cpu_quota`), at least 1.
int usable_cores();

/// Lets LibTorch's operations on this thread use every core that the process may use, unless OMP_NUM_THREADS
/// is set. By itself LibTorch takes half of them on some virtual machines, whose cores it takes for two
/// threads each.
void use_all_cores();

/// At most so many threads for LibTorch's operations while it lives: on this thread, and on those that begin
/// to use LibTorch meanwhile.
class ThreadLimit {
 public:
  explicit ThreadLimit(int most);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int usual_;
};

/// Keeps the memory of tensors that are gone for the next ones, where glibc would give it back and fault in
/// fresh pages for each: a fifth of the time of a forward pass. Of the process's first thread alone; for
/// programs that work on tensors and end, since nothing is given back before.
void keep_freed_memory();

}  // namespace metserve::models
