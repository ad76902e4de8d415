#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dicom/buffer_budget.h"
#include "dicom/error.h"
#include "dicom/transport.h"

namespace metserve::dicom {

/// The fields of a request's command set (PS3.7 section 9.3) that a storage SCP acts on.
struct Command {
  std::uint8_t presentation_context = 0;
  std::uint16_t field = 0;  ///< (0000,0100)
  std::uint16_t message_id = 0;
  bool has_dataset = false;
  std::string sop_class_uid, sop_instance_uid;  ///< as sent, not validated
};

inline constexpr std::uint16_t c_store_request = 0x0001;
inline constexpr std::uint16_t c_echo_request = 0x0030;
inline constexpr std::uint16_t n_event_report_request = 0x0100;
inline constexpr std::uint16_t c_cancel_request = 0x0fff;

struct MessageLimits {
  std::chrono::seconds idle_timeout{60};       ///< between two PDUs
  std::chrono::seconds total_timeout{14'400};  ///< from the reader's beginning to the last message's begin
  std::size_t min_bytes_per_second = 1024;     ///< of a message, over each time of the clock's `timeout`
  std::size_t max_dataset_bytes = std::size_t{1} << 30;
};

/// What became of a dataset. What is not `complete` was read to its end and discarded.
enum class DatasetEnd {
  complete,
  too_large,  ///< beyond max_dataset_bytes
  no_room,    ///< beyond what is left for all associations
};

/// Reads DIMSE messages from an accepted association, PDV by PDV, within limits on time and size. Every
/// member throws Error(peer_transient) when the association cannot go on: aborted, closed, too slow, or the
/// peer breaks the protocol.
class MessageReader {
 public:
  MessageReader(T_ASC_Association& association, ConnectionClock& clock, MessageLimits limits);

  /// The next request; nothing when the peer wants to release the association, or the server stops.
  std::optional<Command> next_command();

  /// Appends the dataset's bytes as they come to `to`, and takes as many of `share`. When there are too many
  /// of them, `to` is emptied and `share` given back; at twice max_dataset_bytes the association ends.
  DatasetEnd read_dataset(const Command& command, std::vector<std::uint8_t>& to, BufferShare& share);

 private:
  std::optional<DUL_PDV> next_pdv(bool within_message);
  DUL_PDV message_pdv();
  void check_end(bool within_message) const;
  void await_data(bool within_message);
  void begin_message();
  void check_pace(std::size_t fragment_bytes);

  T_ASC_Association& association_;
  ConnectionClock& clock_;
  MessageLimits limits_;
  const ConnectionClock::Steady::time_point end_;  ///< no message begins after it
  ConnectionClock::Steady::time_point due_{};      ///< when more of the message in hand must have come
  int empty_fragments_ = 0;
};

}  // namespace metserve::dicom
