#pragma once

#include <cstddef>
#include <filesystem>

namespace metserve::bench {

/// What the disk itself gives: images of `bytes` bytes made durable per second, measured below `directory`
/// for about a second each.
struct DiskFloor {
  double fsync_each = 0;     ///< a new file and an fsync for each image
  double syncfs_of_64 = 0;   ///< 64 new files, then one syncfs
  double journal_of_1 = 0;   ///< appended to a file that is there, one fdatasync each
  double journal_of_16 = 0;  ///< sixteen for one fdatasync
};
DiskFloor measure_disk(const std::filesystem::path& directory, std::size_t bytes);

}  // namespace metserve::bench
