#pragma once

#include <filesystem>
#include <optional>

namespace metserve::models {

/// How many cores' time this process may use, by the narrowest quota of its control group and those around it
/// (`docker --cpus`, systemd's `CPUQuota`): `cpu.max` of cgroup v2, `cpu.cfs_quota_us` over
/// `cpu.cfs_period_us` of v1 (Linux' Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst).
/// None without a quota. `membership` is what /proc/self/cgroup holds, `mount` where the hierarchies are.
std::optional<double> cpu_quota(const std::filesystem::path& membership = "/proc/self/cgroup",
                                const std::filesystem::path& mount = "/sys/fs/cgroup");

}  // namespace metserve::models
