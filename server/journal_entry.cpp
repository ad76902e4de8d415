#include "server/journal_entry.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "server/hash.h"

namespace metserve::server {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t mark = 0x316C6E72756F6A6D;  // "mjournl1"
constexpr std::uint64_t max_record_bytes = 65536;

struct Head {
  std::uint64_t mark = 0, number = 0, record_bytes = 0, part10_bytes = 0;
};
constexpr std::size_t digest_bytes = 64;  // in hex
constexpr std::size_t head_bytes = sizeof(Head) + digest_bytes;

/// CBOR takes strings as they are: what a peer calls itself need not be UTF-8.
Bytes encode_record(const InstanceRecord& r) {
  return nlohmann::json::to_cbor({r.study_instance_uid, r.series_instance_uid, r.sop_class_uid,
                                  r.sop_instance_uid, r.transfer_syntax_uid, r.modality, r.calling_ae_title,
                                  r.peer_address, r.digest});
}

InstanceRecord decode_record(std::span<const std::uint8_t> bytes, std::uint64_t part10_bytes) {
  const auto fields = nlohmann::json::from_cbor(bytes.begin(), bytes.end()).get<std::array<std::string, 9>>();
  InstanceRecord record;
  record.study_instance_uid = fields[0];
  record.series_instance_uid = fields[1];
  record.sop_class_uid = fields[2];
  record.sop_instance_uid = fields[3];
  record.transfer_syntax_uid = fields[4];
  record.modality = fields[5];
  record.calling_ae_title = fields[6];
  record.peer_address = fields[7];
  record.digest = fields[8];
  record.bytes = part10_bytes;
  return record;
}

/// Of head, record and file meta information.
std::string digest_of(const Head& head, std::span<const std::uint8_t> record,
                      std::span<const std::uint8_t> part10) {
  Bytes covered(sizeof head);
  std::memcpy(covered.data(), &head, sizeof head);
  covered.insert(covered.end(), record.begin(), record.end());
  const auto meta = part10.first(part10.size() - dataset_bytes(part10).size());
  covered.insert(covered.end(), meta.begin(), meta.end());
  return sha256_hex(covered);
}

std::uint64_t in_blocks(std::uint64_t bytes) {
  return (bytes + journal_block_bytes - 1) / journal_block_bytes * journal_block_bytes;
}

}  // namespace

EncodedEntry encode(const JournalEntry& entry) {
  const Bytes record = encode_record(entry.record);
  const Head head{mark, entry.number, record.size(), entry.part10.size()};
  EncodedEntry encoded;
  encoded.head.resize(head_bytes);
  std::memcpy(encoded.head.data(), &head, sizeof head);
  const std::string digest = digest_of(head, record, entry.part10);
  std::memcpy(encoded.head.data() + sizeof head, digest.data(), digest.size());
  encoded.head.insert(encoded.head.end(), record.begin(), record.end());
  encoded.bytes = in_blocks(encoded.head.size() + entry.part10.size());
  return encoded;
}

std::optional<FoundEntry> read_entry(const FileDescriptor& file, std::uint64_t offset) {
  std::array<std::uint8_t, head_bytes> bytes{};
  if (file.read_at(offset, bytes) < bytes.size()) return std::nullopt;
  Head head;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.mark != mark || head.record_bytes > max_record_bytes) return std::nullopt;
  const std::uint64_t begin = offset + head_bytes + head.record_bytes;
  const std::uint64_t size = file.size();
  if (begin > size || head.part10_bytes > size - begin) return std::nullopt;

  Bytes record(head.record_bytes);
  Bytes part10(head.part10_bytes);
  if (file.read_at(offset + head_bytes, record) < record.size()) return std::nullopt;
  if (file.read_at(begin, part10) < head.part10_bytes) return std::nullopt;
  const std::string digest(bytes.begin() + sizeof head, bytes.end());
  if (digest_of(head, record, part10) != digest) return std::nullopt;
  FoundEntry found;
  found.number = head.number;
  found.record = decode_record(record, head.part10_bytes);
  if (!is_content(found.record.digest, dataset_bytes(part10))) return std::nullopt;
  found.part10_offset = begin;
  found.bytes = in_blocks(head_bytes + head.record_bytes + head.part10_bytes);
  return found;
}

}  // namespace metserve::server
