#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

namespace metserve::models {

/// "cpu", "cuda" or "cuda:N". Throws Error(device) when that is no device, or none that is there.
torch::Device device_from_name(const std::string& name);

/// One or several of them, separated by commas; at least one.
std::vector<torch::Device> devices_from_names(const std::string& names);

/// Cores that this process may use (sched_setaffinity, cpusets of containers), at least 1.
int usable_cores();

/// Lets LibTorch's operations on this thread use every core that the process may use, unless OMP_NUM_THREADS
/// is set. By itself LibTorch takes half of them on some virtual machines, whose cores it takes for two
/// threads each.
void use_all_cores();

}  // namespace metserve::models
