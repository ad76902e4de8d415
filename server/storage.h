#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "server/posix_file.h"
#include "server/store.h"

namespace metserve::server {

/// The storage directory, held by one process at a time:
///
///     lock             held while a server runs
///     node             this node's name in leases, made once
///     metserve.db      studies, queue, deliveries
///     journal/         images that were acknowledged and are not filed yet (journal.h)
///     images/KEY/      images of the study with that key, NAME-CONTENT.dcm
///     results/KEY/     one folder for each result
///     trash/           on its way out
///
/// No path holds a UID: names are hashes of UIDs, so nothing that a peer sends can lead elsewhere.
/// Thread safety: all members from any thread.
class Storage {
 public:
  /// Makes what is missing, takes the lock and clears the trash. Throws Error(io) naming what cannot
  /// be written, or that another server holds the directory.
  Storage(const std::filesystem::path& directory, std::uint64_t min_free_bytes);

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path database_file() const { return directory_ / "metserve.db"; }
  const std::string& node() const { return node_; }

  /// Throws Error(out_of_resources) when `bytes` more would leave less than the configured free space.
  void require_space(std::uint64_t bytes) const;
  std::uint64_t free_bytes() const;

  /// While it is held no study is discarded: taken from the writing of an image until it is recorded.
  std::shared_lock<std::shared_timed_mutex> hold() { return std::shared_lock(discarding_); }

  std::filesystem::path journal_directory() const { return directory_ / "journal"; }

  /// Forces all images that were written to the disk. Throws Error(io) when it does not take it.
  void sync_images();

  /// Where a study's images lie.
  std::filesystem::path image_directory(const std::string& key) const { return directory_ / "images" / key; }

  /// An empty directory for a result, relative; whatever an earlier try left there is gone.
  std::filesystem::path make_result_directory(const std::string& key, std::int64_t revision);
  void sync_result(const std::filesystem::path& result) const;

  /// Calls `forget` while no image is being stored and, when it returns true, removes the study's files. When
  /// images keep coming, gives up after a second: the next sweep will do.
  template <class Forget>
  void discard(const std::string& key, Forget&& forget) {
    std::unique_lock lock(discarding_, std::chrono::seconds(1));
    if (!lock.owns_lock() || !forget()) return;
    move_to_trash(key);
    lock.unlock();
    empty_trash();
  }

  /// At start: removes files of studies that the database does not know; nobody was told that they are safe.
  void discard_unknown(const std::vector<std::string>& known_keys);

 private:
  void move_to_trash(const std::string& key);
  void empty_trash();

  std::filesystem::path directory_;
  std::uint64_t min_free_bytes_;
  std::string node_;
  std::unique_ptr<FileDescriptor> lock_, images_;
  std::shared_timed_mutex discarding_;
  std::atomic<std::uint64_t> counter_{0};
};

}  // namespace metserve::server
