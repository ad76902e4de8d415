#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

namespace metserve::models {

/// "cpu", "cuda" or "cuda:N". Throws Error(device) when that is no device, or none that is there.
torch::Device device_from_name(const std::string& name);

/// One or several of them, separated by commas; at least one.
std::vector<torch::Device> devices_from_names(const std::string& names);

}  // namespace metserve::models
