#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dicom/address_range.h"
#include "dicom/storage_commitment.h"
#include "dicom/tls.h"

namespace metserve::dicom {

/// Who may send.
struct Caller {
  std::string ae_title;
  std::vector<AddressRange> addresses;  ///< from where; empty: from anywhere
  std::string certificate{};  ///< name that its certificate must bear, where `tls` asks for one; empty: any
};

/// The beginning and end of an association, for those who keep a record of it.
struct AssociationEvent {
  enum class Kind { rejected, opened, closed };
  Kind kind = Kind::rejected;
  std::uint64_t association = 0;  ///< 0: rejected before it got a number
  std::string calling_ae_title, called_ae_title, peer_address;
  std::string certificate;  ///< common name that the peer has shown under TLS
  std::string reason;       ///< of the rejection
};

struct StoreScpOptions {
  std::string ae_title = "METSERVE";  ///< 1..16 characters
  std::string bind_address = "0.0.0.0";
  std::uint16_t port = 11112;           ///< 0: any free port
  bool require_called_ae_title = true;  ///< reject associations that call another title
  std::vector<Caller> callers;          ///< empty: anybody
  std::shared_ptr<const Tls> tls;       ///< of the server's role; empty: without TLS
  std::size_t max_associations = 32;    ///< 1..1024, further ones are rejected (local limit)
  /// Of one address (of an IPv6 network of 64 bits), further ones are rejected; 1.. , absent: half of them.
  std::optional<std::size_t> max_associations_per_host;
  std::uint32_t max_pdu_bytes = 131072;              ///< 4096..131072
  std::chrono::seconds idle_timeout{60};             ///< no PDU for so long aborts the association
  std::chrono::seconds request_timeout{10};          ///< from connection to complete A-ASSOCIATE-RQ
  std::chrono::seconds association_timeout{14'400};  ///< from request to the last message's begin
  std::chrono::seconds pdu_timeout{30};              ///< from a PDU's first byte to its last; of one write
  std::size_t min_bytes_per_second = 1024;           ///< of a message, over each `pdu_timeout`
  std::chrono::seconds stop_grace{10};               ///< for a C-STORE that arrives while the server stops
  std::size_t max_dataset_bytes = std::size_t{1} << 30;  ///< larger ones are refused with 0xA700
  /// Of datasets that are being received or made durable, of all associations; those beyond are refused with
  /// 0xA700. One host gets half of it. Absent: four of max_dataset_bytes, at least 1 GiB.
  std::optional<std::size_t> max_buffered_bytes;
  /// Told of each association, on one thread at a time for each; empty: nobody.
  std::function<void(const AssociationEvent&)> on_association;
};

/// One C-STORE, complete. `part10`: the whole file as it is to be stored: preamble, file meta information and
/// the dataset bytes bit for bit as they came over the wire.
struct ReceivedInstance {
  std::string calling_ae_title, peer_address;
  std::uint64_t association = 0;  ///< counts up from 1 in this process
  std::string sop_class_uid, sop_instance_uid, transfer_syntax_uid;
  std::string study_instance_uid, series_instance_uid;  ///< from the dataset, validated
  std::string modality;
  std::vector<std::uint8_t> part10;
};

/// DIMSE status values that a handler may answer (PS3.4 table B.2-1).
enum class StoreStatus : std::uint16_t {
  success = 0x0000,
  out_of_resources = 0xA700,
  dataset_mismatch = 0xA900,
  cannot_understand = 0xC000,
};

/// Called on a thread of the association; must return only when the instance is on stable storage (or
/// refused). Called from several threads at once.
using StoreHandler = std::function<StoreStatus(ReceivedInstance&&)>;

struct StoreScpCounters {
  std::uint64_t associations_accepted = 0, associations_rejected = 0, associations_open = 0;
  std::uint64_t instances = 0, bytes = 0, refused = 0;
};

/// C-STORE and C-ECHO SCP (PS3.4 annex B, PS3.7), many associations at once, for every MR storage class in
/// every transfer syntax that can be decoded here, and other storage classes as they come. With a handler for
/// them also the reports of storage commitment (PS3.4 annex J, as SCU).
/// Constructed means listening. Thread safety: all members from any thread.
class StoreScp {
 public:
  /// Throws Error(io) when the address cannot be bound, naming it.
  StoreScp(StoreScpOptions options, StoreHandler handler, CommitmentHandler on_commitment = {});
  ~StoreScp();  ///< stops listening, lets the C-STORE in hand finish, aborts what is idle

  std::uint16_t port() const;
  StoreScpCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metserve::dicom
