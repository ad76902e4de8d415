#include "models/device.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <thread>

#include <ATen/Parallel.h>
#include <malloc.h>
#include <sched.h>
#include <torch/cuda.h>

#include "models/cpu_quota.h"
#include "models/error.h"

namespace metserve::models {

torch::Device device_from_name(const std::string& name) {
  try {
    const torch::Device device(name);
    if (device.is_cuda() && !torch::cuda::is_available())
      throw Error(Error::Kind::device, "device '" + name + "' is asked for, but no CUDA device can be used");
    if (device.is_cuda() && device.has_index() &&
        device.index() >= static_cast<int>(torch::cuda::device_count()))
      throw Error(Error::Kind::device, "device '" + name + "' is not there");
    return device;
  } catch (const c10::Error&) {
    throw Error(Error::Kind::device, "device '" + name + "' is unknown: use cpu, cuda or cuda:N");
  }
}

std::vector<torch::Device> devices_from_names(const std::string& names) {
  std::vector<torch::Device> devices;
  std::istringstream stream(names + ",");
  for (std::string name; std::getline(stream, name, ',');) devices.push_back(device_from_name(name));
  return devices;
}

int usable_cores() {
  cpu_set_t set;
  const bool known = sched_getaffinity(0, sizeof set, &set) == 0;  // not with more than 1024 of them
  const int cores = known ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency());
  const double quota = cpu_quota().value_or(cores);
  return std::max(1, std::min(cores, static_cast<int>(quota)));
}

void use_all_cores() {
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return;
  at::set_num_threads(usable_cores());
}

ThreadLimit::ThreadLimit(int most) : usual_(at::get_num_threads()) {
  at::set_num_threads(std::clamp(most, 1, usual_));
}

ThreadLimit::~ThreadLimit() {
  at::set_num_threads(usual_);
}

void keep_freed_memory() {
  constexpr int larger_than_any_tensor = 1 << 30, never = -1;
  mallopt(M_MMAP_THRESHOLD, larger_than_any_tensor);
  mallopt(M_TRIM_THRESHOLD, never);
}

}  // namespace metserve::models
