#include "models/device.h"

#include <string>
#include <vector>

#include <torch/cuda.h>
#include <torch/types.h>

#include "models/error.h"
#include "tests/catch.h"

using namespace metserve::models;
using Catch::Matchers::Contains;

TEST_CASE("Devices are named one by one or separated by commas", "[device]") {
  CHECK(device_from_name("cpu") == torch::Device(torch::kCPU));
  CHECK(devices_from_names("cpu") == std::vector<torch::Device>{torch::kCPU});
  CHECK(devices_from_names("cpu,cpu").size() == 2);
}

TEST_CASE("A device that cannot be, or is not there, is refused by its name", "[device]") {
  CHECK_THROWS_WITH(devices_from_names("cpu,gpu"), Contains("'gpu'"));
  CHECK_THROWS_WITH(devices_from_names(""), Contains("''"));
  CHECK_THROWS_WITH(devices_from_names("cpu,"), Contains("''"));
  CHECK_THROWS_WITH(device_from_name("cuda:" + std::to_string(torch::cuda::device_count())),
                    Contains("'cuda:"));
}
