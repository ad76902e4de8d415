#include "dicom/store_scp_message.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/part10.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t max_command_bytes = 16384;
constexpr int max_empty_fragments = 16;

constexpr std::uint32_t affected_sop_class_uid = 0x00000002, command_field = 0x00000100,
                        message_id = 0x00000110, dataset_type = 0x00000800,
                        affected_sop_instance_uid = 0x00001000;
constexpr std::array wanted = {affected_sop_class_uid, command_field, message_id, dataset_type,
                               affected_sop_instance_uid};
constexpr std::uint16_t no_dataset = 0x0101;

[[noreturn]] void end_association(const std::string& why) {
  throw Error(Error::Kind::peer_transient, why);
}

std::uint16_t number(const ScannedValues& values, std::uint32_t tag) {
  const auto found = values.find(tag);
  if (found == values.end() || found->second.size() != 2)
    end_association("command set without a number it must have");
  const auto& bytes = found->second;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) |
                                    static_cast<unsigned char>(bytes[1]) << 8);
}

std::string text(const ScannedValues& values, std::uint32_t tag) {
  const auto found = values.find(tag);
  return found == values.end() ? std::string() : without_padding(found->second);
}

/// PS3.7 section 6.3.1: implicit VR little endian, flat.
Command parse_command(std::span<const std::uint8_t> bytes) {
  const auto values = scan_dataset(bytes, UID_LittleEndianImplicitTransferSyntax, wanted, {.max_depth = 0});
  Command command;
  command.field = number(values, command_field);
  if (command.field == c_cancel_request) return command;
  command.message_id = number(values, message_id);
  command.has_dataset = number(values, dataset_type) != no_dataset;
  command.sop_class_uid = text(values, affected_sop_class_uid);
  command.sop_instance_uid = text(values, affected_sop_instance_uid);
  return command;
}

std::span<const std::uint8_t> fragment(const DUL_PDV& pdv) {
  return {static_cast<const std::uint8_t*>(pdv.data), static_cast<std::size_t>(pdv.fragmentLength)};
}

}  // namespace

MessageReader::MessageReader(T_ASC_Association& association, ConnectionClock& clock, MessageLimits limits)
    : association_(association),
      clock_(clock),
      limits_(limits),
      end_(ConnectionClock::Steady::now() + limits.total_timeout) {}

void MessageReader::begin_message() {
  due_ = ConnectionClock::Steady::now() + clock_.timeout;
  empty_fragments_ = 0;
}

/// A peer must not hold an association, and what it has sent, with crumbs that each come in time. Bytes that
/// came fast are worth no more than one `timeout` of rest.
void MessageReader::check_pace(std::size_t fragment_bytes) {
  if (fragment_bytes == 0 && ++empty_fragments_ > max_empty_fragments)
    end_association("it sends empty fragments only");
  const auto now = ConnectionClock::Steady::now();
  due_ += std::chrono::microseconds(fragment_bytes * 1'000'000 / limits_.min_bytes_per_second);
  if (now > due_)
    end_association("it sends fewer than " + std::to_string(limits_.min_bytes_per_second) +
                    " bytes per second");
  due_ = std::min(due_, now + clock_.timeout);
}

/// A message that has begun may end, if that does not take long.
void MessageReader::check_end(bool within_message) const {
  const auto end = within_message ? end_ + clock_.timeout : end_;
  if (ConnectionClock::Steady::now() > end)
    end_association("it is open for longer than " + std::to_string(limits_.total_timeout.count()) + " s");
}

void MessageReader::await_data(bool within_message) {
  const auto window = std::chrono::ceil<std::chrono::seconds>(clock_.timeout);
  const auto limit = within_message ? std::min(limits_.idle_timeout, window) : limits_.idle_timeout;
  const auto limit_s = static_cast<int>(limit.count());
  if (!clock_.stopped && ASC_dataWaiting(&association_, limit_s) != OFTrue && !clock_.stopped)
    end_association("nothing came for " + std::to_string(limit_s) + " s");
}

std::optional<DUL_PDV> MessageReader::next_pdv(bool within_message) {
  DUL_PDV pdv{};
  check_end(within_message);
  if (!within_message && clock_.stop_requested()) return std::nullopt;
  if (DUL_NextPDV(&association_.DULassociation, &pdv).good()) return pdv;
  await_data(within_message);
  if (clock_.stopped && !within_message) return std::nullopt;
  clock_.restart();
  const auto condition = DUL_ReadPDVs(&association_.DULassociation, nullptr, DUL_BLOCK, 0);
  if (condition == DUL_PEERREQUESTEDRELEASE && !within_message) return std::nullopt;
  if (clock_.timed_out) end_association("a PDU took too long");
  if (condition == DUL_PEERREQUESTEDRELEASE)
    end_association("release was requested in the middle of a message");
  if (condition != DUL_PDATAPDUARRIVED) end_association(condition.text());
  if (DUL_NextPDV(&association_.DULassociation, &pdv).bad()) end_association("a P-DATA PDU without content");
  return pdv;
}

DUL_PDV MessageReader::message_pdv() {
  const auto pdv = next_pdv(true).value();
  check_pace(pdv.fragmentLength);
  return pdv;
}

std::optional<Command> MessageReader::next_command() {
  auto pdv = next_pdv(false);
  if (!pdv) return std::nullopt;
  begin_message();
  check_pace(pdv->fragmentLength);
  const auto context = pdv->presentationContextID;
  std::vector<std::uint8_t> bytes;
  for (;;) {
    if (pdv->pdvType != DUL_COMMANDPDV || pdv->presentationContextID != context)
      end_association("expected a command set and got something else");
    const auto part = fragment(*pdv);
    if (bytes.size() + part.size() > max_command_bytes) end_association("a command set is too long");
    bytes.insert(bytes.end(), part.begin(), part.end());
    if (pdv->lastPDV) break;
    pdv = message_pdv();
  }
  auto command = parse_command(bytes);
  command.presentation_context = context;
  return command;
}

DatasetEnd MessageReader::read_dataset(const Command& command, std::vector<std::uint8_t>& to,
                                       BufferShare& share) {
  std::size_t total = 0;
  auto end = DatasetEnd::complete;
  for (;;) {
    const auto pdv = message_pdv();
    if (pdv.pdvType != DUL_DATASETPDV || pdv.presentationContextID != command.presentation_context)
      end_association("expected a dataset and got something else");
    const auto part = fragment(pdv);
    total += part.size();
    if (total > 2 * limits_.max_dataset_bytes) end_association("a dataset is far beyond the limit");
    if (end == DatasetEnd::complete && total > limits_.max_dataset_bytes) end = DatasetEnd::too_large;
    if (end == DatasetEnd::complete && !share.take(part.size())) end = DatasetEnd::no_room;
    if (end == DatasetEnd::complete) {
      to.insert(to.end(), part.begin(), part.end());
    } else {
      std::vector<std::uint8_t>().swap(to);
      share.give_back();
    }
    if (pdv.lastPDV) return end;
  }
}

}  // namespace metserve::dicom
