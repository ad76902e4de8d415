#include "server/storage_check.h"

#include <array>

#include <unistd.h>

#include "server/error.h"
#include "server/posix_file.h"

namespace metserve::server {
namespace fs = std::filesystem;

std::string check_storage(const StorageConfig& config) {
  std::error_code error;
  fs::create_directories(config.directory, error);
  if (error) {
    throw Error(Error::Kind::io, config.directory.string() + ": cannot be made (" + error.message() +
                                     "); run check as the user that the server runs as");
  }
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
  return config.directory.string() + ", " + std::to_string(free >> 30) + " GiB free";
}

}  // namespace metserve::server
