#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "dicom/tls.h"

namespace metserve::dicom {

/// A connected TCP socket, plain or under TLS, on which no call ever waits. Does not own the socket.
/// Belongs to one thread at a time.
class Channel {
 public:
  /// What a call came to.
  struct Progress {
    ssize_t count = -1;  ///< bytes; 0 when the peer has closed (never of `send`); -1 when it waits or failed
    short wait_for = 0;  ///< POLLIN or POLLOUT: call again when the socket is ready for that
    bool waits() const { return wait_for != 0; }
  };

  /// `session`: empty for a plain connection. Switches Nagle's algorithm off, because it costs 40 ms an image
  /// against a peer that delays its acknowledgements.
  Channel(int socket, TlsSession session);

  /// Until it returns 1, nothing else may be called. Immediate for a plain connection, and once it is done.
  Progress handshake();
  Progress receive(std::span<std::uint8_t> to);
  /// Acknowledges at once what was received, for callers that are to wait for more: senders that write a PDU
  /// in two pieces wait for that.
  void acknowledge();
  /// Data counts as arrived from so many bytes on: whoever waits for the rest of a PDU is woken once. Plain
  /// TCP alone; the end of the connection always counts.
  void wake_at(std::size_t bytes);
  /// `more_follows`: at once, so that nothing need go out before it. TLS sends what it gets.
  Progress send(std::span<const std::uint8_t> bytes, bool more_follows = false);
  /// Bytes were decrypted already, which no poll would show.
  bool has_pending() const;
  /// Tells the peer that nothing more comes; does not wait for its answer.
  void finish();

  const ssl_st* session() const { return session_.get(); }
  /// Gives the session away, for the channel of another owner of the socket.
  TlsSession release() { return std::move(session_); }
  /// Why TLS failed, in OpenSSL's words; empty where it did not.
  const std::string& failure() const { return failure_; }

 private:
  Progress progress_of(int result);

  int socket_;
  int wakes_at_ = 1;
  TlsSession session_;
  std::string failure_;
};

}  // namespace metserve::dicom
