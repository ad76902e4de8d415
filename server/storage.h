#pragma once

#include <chrono>
#include <cstddef>
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
///     trash/KEY.N/     the study with that key is being deleted, or was when the process died
///     lost/            images/KEY/ and results/KEY/ of studies that the database did not know at a start
///
/// No path holds a UID: names are hashes of UIDs, so nothing that a peer sends can lead elsewhere.
/// Thread safety: all members from any thread.
class Storage {
 public:
  /// Makes what is missing and takes the lock. Throws Error(bad_call) when the directory's database belongs
  /// to another user, Error(io) naming what cannot be written, or that another server holds the directory.
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

  /// An empty directory for a result, relative; whatever an earlier try left there is gone.
  std::filesystem::path make_result_directory(const std::string& key, std::int64_t revision);
  void sync_result(const std::filesystem::path& result) const;

  /// Calls `forget` while no image is being stored and, when it returns true, removes the study's files:
  /// where it cannot, throws Error(io) and leaves them to the next start. When images keep coming, gives up
  /// after a second: the next sweep will do.
  template <class Forget>
  void discard(const std::string& key, Forget&& forget) {
    std::unique_lock lock(discarding_, std::chrono::seconds(1));
    if (!lock.owns_lock()) return;
    Trash trash(directory_, key);
    if (!forget()) return;
    trash.take(key);
    lock.unlock();
    trash.remove();
  }

  /// At start, when the journal has been filed: empties the trash, deletes what a process that died was about
  /// to, and moves all else that the database does not know to `lost`: it was acknowledged to a sender by a
  /// database that is no longer here. Returns how many studies were moved.
  std::size_t settle(const std::vector<std::string>& known_keys);

  std::filesystem::path lost_directory() const { return directory_ / "lost"; }

 private:
  /// Says on the disk that a study is about to be deleted, for as long as it lives, and once that has begun
  /// until all is removed: the next start can tell it from one that the database has lost. Throws
  /// Error(not_found) for what is no study's key.
  class Trash {
   public:
    Trash(const std::filesystem::path& directory, const std::string& key);
    ~Trash();
    Trash(const Trash&) = delete;
    Trash& operator=(const Trash&) = delete;
    void take(const std::string& key);  ///< moves the study's images and results here
    void remove();

   private:
    std::filesystem::path directory_, folder_;
    bool taking_ = false;
  };

  void set_aside(const std::filesystem::path& files) const;

  std::filesystem::path directory_;
  std::uint64_t min_free_bytes_;
  std::string node_;
  std::unique_ptr<FileDescriptor> lock_, images_;
  std::shared_timed_mutex discarding_;
};

}  // namespace metserve::server
