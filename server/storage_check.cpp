#include "server/storage_check.h"

#include <array>
#include <set>

#include <unistd.h>

#include "server/error.h"
#include "server/posix_file.h"

namespace metserve::server {
namespace fs = std::filesystem;
namespace {

/// It is not made, since it would belong to whoever checks: another one is, beside it, and removed again.
std::string missing(const fs::path& directory) {
  fs::path above = directory.parent_path();
  while (!fs::exists(above)) above = above.parent_path();
  const fs::path probe = above / (".check-" + std::to_string(getpid()));
  std::error_code why;
  fs::create_directory(probe, why);
  if (why) {
    throw Error(Error::Kind::io, directory.string() + ": is not there, and nothing can be made in " +
                                     above.string() + " (" + why.message() +
                                     "); run check as the user that the server runs as");
  }
  fs::remove(probe, why);
  return directory.string() + ", which the first start makes";
}

/// Empty where nothing is lost.
std::string lost_below(const fs::path& directory) {
  std::set<std::string> keys;
  for (const char* folder : {"images", "results"}) {
    std::error_code nothing_lost;
    for (const auto& entry : fs::directory_iterator(directory / "lost" / folder, nothing_lost))
      keys.insert(entry.path().filename());
  }
  if (keys.empty()) return "";
  return "; " + std::to_string(keys.size()) + " studies in " + (directory / "lost").string() +
         " that the database did not know at a start: send them again, then delete that folder";
}

}  // namespace

std::string check_storage(const StorageConfig& config) {
  if (!fs::exists(config.directory)) return missing(config.directory);
  const fs::path probe = config.directory / (".check-" + std::to_string(getpid()));
  constexpr std::array<std::uint8_t, 4> bytes{1, 2, 3, 4};
  write_durably(probe, bytes);
  fs::remove(probe);
  const std::uint64_t free = fs::space(config.directory).available;
  if (free < config.min_free_bytes) {
    throw Error(Error::Kind::out_of_resources,
                config.directory.string() + ": " + std::to_string(free >> 20) +
                    " MiB free, less than storage.min_free_mib: new images would be refused");
  }
  return config.directory.string() + ", " + std::to_string(free >> 30) + " GiB free" +
         lost_below(config.directory);
}

}  // namespace metserve::server
