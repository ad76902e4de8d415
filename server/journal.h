#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <span>
#include <utility>

#include "server/journal_entry.h"
#include "server/posix_file.h"

namespace metserve::server {

struct JournalOptions {
  std::uint64_t segment_bytes = std::uint64_t{8} << 20;  ///< of each file, a multiple of 4096
  std::size_t segments = 32;                             ///< at least 2; who waits for room waits for one
};

/// The write-ahead log of received images: what `append` returned from survives a power cut. Images are filed
/// in the store afterwards; what was filed makes room again.
///
///     journal/0, 1, ...    entries one behind the other (journal_entry.h)
///     journal/filed        number of the last entry that is filed
///
/// The files are filled with zeros once and then written over and over, so that a sync writes data alone and
/// no metadata. An entry larger than a segment extends its file for as long as it is there. An entry counts
/// when it is intact and its number follows that of the entry before; what a crash left half written, and
/// what was there before it, does not.
/// Thread safety: all members from any thread, `mark_filed` from one; `recover` before the others.
class Journal {
 public:
  /// Makes the files that are missing. Throws Error(io) or Error(out_of_resources) that names the file.
  Journal(const std::filesystem::path& directory, const JournalOptions& options);

  /// Calls `take` with each image that is not filed, in order. They stay unfiled until `mark_filed`.
  void recover(const std::function<void(JournaledImage&&)>& take);

  /// Numbers as many of the entries as there is room for, writes them and syncs; returns where they lie.
  /// Waits up to `patience` for room for the first. Throws Error(out_of_resources) when there is none,
  /// Error(io) when writing or syncing fails: none of the entries may be acknowledged then.
  std::vector<JournalPlace> append(std::span<JournalEntry* const> entries,
                                   std::chrono::milliseconds patience);

  /// Makes `part10` the bytes of an image that is not filed. Throws Error(io).
  void read(const JournalPlace& place, std::vector<std::uint8_t>& part10) const;

  /// Everything up to this number is on stable storage elsewhere, and so is this note on return.
  void mark_filed(std::uint64_t number);

  std::uint64_t unfiled_bytes() const { return unfiled_bytes_; }

  /// Overwrites what has been filed, so that nothing is left here of studies that were deleted: at once, but
  /// for segments that hold an unfiled image as well, with the `mark_filed` of the last of them.
  void wipe();

 private:
  struct Segment {
    explicit Segment(const std::filesystem::path& path);
    FileDescriptor file;
    std::uint64_t used = 0;  ///< bytes
    std::uint64_t last = 0;  ///< number of the last entry, 0: none
    bool to_wipe = false;    ///< as soon as all of it is filed
  };
  struct Unfiled {
    std::uint64_t number, bytes;
  };
  bool make_room(std::uint64_t bytes);
  void read_filed();
  void wipe_where_filed();

  const JournalOptions options_;
  FileDescriptor filed_file_;
  std::mutex mutex_;
  std::condition_variable filed_more_;
  std::deque<Segment> segments_;
  std::size_t active_ = 0;  ///< the segment that is appended to
  std::uint64_t number_ = 0, filed_ = 0;
  std::deque<Unfiled> unfiled_;
  std::atomic<std::uint64_t> unfiled_bytes_{0};
};

}  // namespace metserve::server
