#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace metserve::bench {

/// A program under measurement, killed on destruction.
class Process {
 public:
  Process(const std::vector<std::string>& command, const std::filesystem::path& output);
  ~Process();
  Process(Process&& other) noexcept : process_(std::exchange(other.process_, -1)) {}
  Process& operator=(Process&&) = delete;

  /// CPU seconds that it and the children it waited for have used.
  double cpu_s() const;
  double resident_mib() const;

 private:
  pid_t process_;
};

/// A running DICOM receiver that takes associations on `port`.
struct Receiver {
  std::string name, ae_title;
  std::uint16_t port;
  Process process;
};

/// Each keeps what it receives below `directory` and is ready on return. Throws std::runtime_error when it
/// does not come up. `no_delay`: with DCMTK's TCP_NODELAY set by hand, which is not how they are shipped.
Receiver start_metserve(const std::filesystem::path& program, const std::filesystem::path& directory);
/// One process for all, which is its default: associations wait for each other.
Receiver start_storescp(const std::filesystem::path& directory, bool no_delay);
/// With a process for each association.
Receiver start_forking_storescp(const std::filesystem::path& directory, bool no_delay);
Receiver start_orthanc(const std::filesystem::path& directory, bool no_delay);

/// Runs DCMTK's storescu over everything in `images`. Throws std::runtime_error when it fails. `no_delay`: as
/// above.
void run_storescu(const Receiver& receiver, const std::filesystem::path& images, bool no_delay);

}  // namespace metserve::bench
