#include "models/cpu_quota.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace metserve::models {
namespace {

namespace fs = std::filesystem;

/// "QUOTA PERIOD" in microseconds; "max PERIOD" is no quota.
std::optional<double> unified_quota(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0, period = 0;
  if (file >> quota >> period && period > 0) return quota / period;
  return std::nullopt;
}

/// A quota of -1 is none.
std::optional<double> legacy_quota(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

/// The narrowest of the groups from the mount down to `group`. Where the mount is a container's own, the
/// groups that the host names are not below it.
std::optional<double> narrowest(const fs::path& mount, const fs::path& group,
                                std::optional<double> (*quota_of)(const fs::path&)) {
  std::optional<double> result = quota_of(mount);
  fs::path around = mount;
  for (const auto& part : group.relative_path()) {
    around /= part;
    if (const auto quota = quota_of(around)) result = std::min(result.value_or(*quota), *quota);
  }
  return result;
}

}  // namespace

std::optional<double> cpu_quota(const fs::path& membership, const fs::path& mount) {
  std::ifstream file(membership);
  std::optional<double> unified;
  // "NUMBER:CONTROLLERS:PATH"; v2 has no controllers there.
  for (std::string number, controllers, group; std::getline(file, number, ':') &&
                                               std::getline(file, controllers, ':') &&
                                               std::getline(file, group);) {
    if (("," + controllers + ",").find(",cpu,") != std::string::npos)
      return narrowest(mount / "cpu", group, legacy_quota);
    if (controllers.empty()) unified = narrowest(mount, group, unified_quota);
  }
  return unified;
}

}  // namespace metserve::models
