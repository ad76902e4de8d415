#include "models/device.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <sched.h>
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

TEST_CASE("Every core that the process may use is used, unless OMP_NUM_THREADS says otherwise", "[device]") {
  const int usual = at::get_num_threads();
  const char* const variable = std::getenv("OMP_NUM_THREADS");
  const std::string asked = variable == nullptr ? "" : variable;
  at::set_num_threads(1);
  setenv("OMP_NUM_THREADS", "2", 1);
  use_all_cores();
  CHECK(at::get_num_threads() == 1);
  unsetenv("OMP_NUM_THREADS");
  use_all_cores();
  cpu_set_t cores;
  REQUIRE(sched_getaffinity(0, sizeof cores, &cores) == 0);
  CHECK(at::get_num_threads() == CPU_COUNT(&cores));
  if (variable != nullptr) setenv("OMP_NUM_THREADS", asked.c_str(), 1);
  at::set_num_threads(usual);
}

TEST_CASE("A device that cannot be, or is not there, is refused by its name", "[device]") {
  CHECK_THROWS_WITH(devices_from_names("cpu,gpu"), Contains("'gpu'"));
  CHECK_THROWS_WITH(devices_from_names(""), Contains("''"));
  CHECK_THROWS_WITH(devices_from_names("cpu,"), Contains("''"));
  CHECK_THROWS_WITH(device_from_name("cuda:" + std::to_string(torch::cuda::device_count())),
                    Contains("'cuda:"));
}
