#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "server/posix_file.h"
#include "server/store.h"

namespace metserve::server {

/// Where the bytes of an image lie in the journal, for as long as it is not filed.
struct JournalPlace {
  std::size_t segment = 0;
  std::uint64_t offset = 0, bytes = 0;
};

/// One received image on its way into the journal. `record.file` is empty until it is filed.
struct JournalEntry {
  std::uint64_t number = 0;  ///< from 1, in the order of acknowledgement
  InstanceRecord record;
  std::vector<std::uint8_t> part10;
};

/// One that is there, on its way into the store.
struct JournaledImage {
  std::uint64_t number = 0;
  InstanceRecord record;
  JournalPlace place;
};

/// Entries begin at multiples of this, so that none shares a block with one that was acknowledged before.
inline constexpr std::uint64_t journal_block_bytes = 4096;

/// An entry as it lies in a segment: a head (mark, number, two lengths, and the SHA-256 of these, the record
/// and the file meta information), the record in CBOR, the image. The dataset is covered by the record's own
/// digest.
struct EncodedEntry {
  std::vector<std::uint8_t> head;  ///< with the record; the image follows
  std::uint64_t bytes = 0;         ///< of everything, rounded up to whole blocks
};
EncodedEntry encode(const JournalEntry& entry);

struct FoundEntry {
  std::uint64_t number = 0;
  InstanceRecord record;
  std::uint64_t part10_offset = 0;  ///< in the file
  std::uint64_t bytes = 0;          ///< that the entry takes, in whole blocks
};
/// Nothing when no intact entry begins at `offset`. Throws Error(io) when the file cannot be read.
std::optional<FoundEntry> read_entry(const FileDescriptor& file, std::uint64_t offset);

}  // namespace metserve::server
