#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <shared_mutex>
#include <span>
#include <string>

#include "server/posix_file.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Images that go into the storage directory together. While it lives no study is discarded: keep it until
/// they are recorded. Their files stay open until they are synced, so use it for tens of images, not for
/// thousands. Thread safety: none.
class ImageBatch {
 public:
  explicit ImageBatch(Storage& storage);

  /// Writes the image's file; durable once `sync` was called. The same content has the same path, other
  /// content under the same SOP Instance UID another. Only for images that are not recorded: an earlier file
  /// of that name is a remnant and is overwritten. Returns the path relative to the storage directory. Throws
  /// Error(io) or Error(out_of_resources) naming the file.
  std::filesystem::path put(const InstanceRecord& image, std::span<const std::uint8_t> part10);

  /// Forces all that was written to the disk, and gives the memory back that the system keeps the files in.
  /// They are read once, minutes later, while memory that each new image takes afresh can cost more than all
  /// the rest of writing it. Throws Error(io) when the disk does not take it.
  void sync();

 private:
  Storage& storage_;
  std::shared_lock<std::shared_timed_mutex> hold_;
  std::string study_;             ///< Study Instance UID of the last image
  std::filesystem::path folder_;  ///< of that study, relative, and there
  std::deque<FileDescriptor> written_;
};

}  // namespace metserve::server
