#include "models/device.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <sched.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include "models/cpu_quota.h"
#include "models/error.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

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
  const double quota = cpu_quota().value_or(CPU_COUNT(&cores));
  CHECK(at::get_num_threads() == std::clamp(static_cast<int>(quota), 1, CPU_COUNT(&cores)));
  if (variable != nullptr) setenv("OMP_NUM_THREADS", asked.c_str(), 1);
  at::set_num_threads(usual);
}

TEST_CASE("The narrowest quota of the control groups around the process counts", "[device]") {
  const metserve::TemporaryDirectory directory;
  const auto write = [&](const std::string& file, const std::string& text) {
    const auto path = directory.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  };
  const auto membership = write("membership", "4:memory:/elsewhere\n0::/system.slice/metserve.service\n");
  const auto quota = [&] { return cpu_quota(membership, directory.path() / "cgroup"); };
  CHECK_FALSE(quota());
  write("cgroup/system.slice/cpu.max", "max 100000\n");
  CHECK_FALSE(quota());
  write("cgroup/system.slice/metserve.service/cpu.max", "250000 100000\n");
  CHECK(quota() == 2.5);
  write("cgroup/system.slice/cpu.max", "100000 50000\n");
  CHECK(quota() == 2.0);
  write("cgroup/user.slice/cpu.max", "1000 100000\n");
  CHECK(quota() == 2.0);
  write("membership", "0::/\n");  // as in a container, whose own group is the root
  CHECK_FALSE(quota());
  write("cgroup/cpu.max", "50000 100000\n");
  CHECK(quota() == 0.5);
  write("membership", "");
  CHECK_FALSE(quota());
  write("membership", "5:cpuset:/\n4:cpu,cpuacct:/docker/1\n0::/\n");  // v1, the unified hierarchy without it
  CHECK_FALSE(quota());
  write("cgroup/cpu/docker/1/cpu.cfs_quota_us", "-1\n");
  write("cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
  CHECK_FALSE(quota());
  write("cgroup/cpu/docker/1/cpu.cfs_quota_us", "150000\n");
  CHECK(quota() == 1.5);
}

TEST_CASE("A device that cannot be, or is not there, is refused by its name", "[device]") {
  CHECK_THROWS_WITH(devices_from_names("cpu,gpu"), Contains("'gpu'"));
  CHECK_THROWS_WITH(devices_from_names(""), Contains("''"));
  CHECK_THROWS_WITH(devices_from_names("cpu,"), Contains("''"));
  CHECK_THROWS_WITH(device_from_name("cuda:" + std::to_string(torch::cuda::device_count())),
                    Contains("'cuda:"));
}
