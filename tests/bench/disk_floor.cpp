#include "tests/bench/disk_floor.h"

#include <chrono>
#include <functional>
#include <vector>

#include <fcntl.h>

#include "server/posix_file.h"

namespace metserve::bench {
namespace fs = std::filesystem;
using server::FileDescriptor;
namespace {

/// Calls per second of `one` times the images of a call.
double rate(int images, const std::function<void()>& one) {
  using Steady = std::chrono::steady_clock;
  const auto began = Steady::now();
  int calls = 0;
  for (; Steady::now() - began < std::chrono::seconds(1); ++calls) one();
  return images * calls / std::chrono::duration<double>(Steady::now() - began).count();
}

}  // namespace

DiskFloor measure_disk(const fs::path& directory, std::size_t bytes) {
  fs::create_directories(directory);
  const std::vector<std::uint8_t> image(bytes, 0x5a);
  int number = 0;
  const auto write_file = [&](bool sync) {
    FileDescriptor file(directory / std::to_string(number++), O_WRONLY | O_CREAT);
    file.write(image);
    if (sync) file.sync();
  };
  constexpr std::uint64_t journal_bytes = std::uint64_t{64} << 20;
  FileDescriptor journal(directory / "journal", O_RDWR | O_CREAT);
  journal.write(std::vector<std::uint8_t>(journal_bytes));
  journal.sync();
  std::uint64_t offset = 0;
  const auto append = [&](int images) {
    for (int i = 0; i < images; ++i) {
      if (offset + image.size() > journal_bytes) offset = 0;
      journal.write_at(offset, image);
      offset += image.size();
    }
    journal.sync_data();
  };
  DiskFloor floor;
  floor.fsync_each = rate(1, [&] { write_file(true); });
  floor.syncfs_of_64 = rate(64, [&] {
    for (int i = 0; i < 64; ++i) write_file(false);
    journal.sync_file_system();
  });
  floor.journal_of_1 = rate(1, [&] { append(1); });
  floor.journal_of_16 = rate(16, [&] { append(16); });
  // Emptied, not removed: for minutes ext4 passes over each inode that was deleted when it looks for a new
  // one.
  for (const auto& entry : fs::directory_iterator(directory)) fs::resize_file(entry.path(), 0);
  return floor;
}

}  // namespace metserve::bench
