#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "dicom/channel.h"
#include "dicom/host_slots.h"

namespace metserve::dicom {

/// A connection on the way to its A-ASSOCIATE-RQ. One operation at a time is under way on it; only that
/// operation's handler takes it off the list. To end it, its socket is closed, which calls the handler.
struct Pending {
  static constexpr std::uint8_t associate_rq_type = 0x01;
  static constexpr std::size_t head_bytes = 6;
  /// 128 contexts with 20 transfer syntaxes take 180,000.
  static constexpr std::size_t max_request_bytes = 262'144;

  Pending(boost::asio::ip::tcp::socket s, TlsSession session)
      : socket(std::move(s)), channel(socket.native_handle(), std::move(session)) {}

  bool has_head() const { return pdu_bytes >= head_bytes; }
  /// How many bytes of the request have not come yet, as far as one can know.
  std::size_t missing() const { return length() - pdu_bytes; }
  bool is_request() const {
    return pdu[0] == associate_rq_type && length() <= head_bytes + max_request_bytes;
  }
  std::size_t length() const {
    if (pdu_bytes < head_bytes) return head_bytes;
    return head_bytes +
           (std::size_t{pdu[2]} << 24 | std::size_t{pdu[3]} << 16 | std::size_t{pdu[4]} << 8 | pdu[5]);
  }

  boost::asio::ip::tcp::socket socket;
  Channel channel;
  std::size_t pdu_bytes = 0;  ///< that have come
  std::string peer_address;
  Host host{};
  std::vector<std::uint8_t> pdu;
  std::chrono::steady_clock::time_point deadline;
};

}  // namespace metserve::dicom
