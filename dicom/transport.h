#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>

#include "dicom/channel.h"

namespace metserve::dicom {

/// An open file descriptor, closed with its owner.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  int get() const { return fd_; }
  int release();

 private:
  int fd_;
};

/// The time limits of one connection, and what became of them. Outlives the connection, which DCMTK deletes
/// whenever it fails. Belongs to the thread of its association.
struct ConnectionClock {
  using Steady = std::chrono::steady_clock;

  std::chrono::milliseconds timeout{30'000};     ///< for one PDU read, and for one write
  std::chrono::milliseconds stop_grace{10'000};  ///< what is left for reading once `stop_event` is set
  int stop_event = -1;                           ///< eventfd that becomes readable for good; -1: none
  Steady::time_point deadline = Steady::time_point::max();       ///< of the PDU in hand
  Steady::time_point stop_deadline = Steady::time_point::max();  ///< set when the stop event was seen
  bool stopped = false;
  bool timed_out = false;

  void restart();         ///< gives the next PDU its time
  void note_stop();       ///< the stop event was seen
  bool stop_requested();  ///< looks at the stop event
};

/// A connection for DCMTK, plain or under TLS, that cannot be held up: reads end at the clock's deadline,
/// writes after its timeout. `received`: bytes that were read before DCMTK got the socket.
class TimedConnection : public DcmTCPConnection {
 public:
  TimedConnection(int socket, TlsSession session, ConnectionClock& clock, std::vector<std::uint8_t> received);

  OFCondition clientSideHandshake() override;
  ssize_t read(void* to, size_t bytes) override;
  ssize_t write(void* from, size_t bytes) override;
  /// False after `timeout_s` seconds without a byte, or when the stop event is set; from then on at the
  /// clock's deadline.
  OFBool networkDataAvailable(int timeout_s) override;
  void close() override;

 private:
  bool await(short event, ConnectionClock::Steady::time_point until, bool end_on_stop);
  ssize_t receive(std::span<std::uint8_t> to, std::size_t worth_waking);
  bool rest_of_pdu_follows(std::span<const std::uint8_t> piece);

  ConnectionClock& clock_;
  Channel channel_;
  std::size_t unsent_of_pdu_ = 0;  ///< bytes that DCMTK has still to hand over
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

/// What the first connection of a transport layer starts with.
struct ConnectionStart {
  std::vector<std::uint8_t> received;
  TlsSession session;  ///< with the handshake done
};

/// Makes TimedConnections. For those that we request: under TLS when `tls` is given, with a peer whose
/// certificate is for `host`.
class TimedTransportLayer : public DcmTransportLayer {
 public:
  TimedTransportLayer(ConnectionClock& clock, ConnectionStart start);
  TimedTransportLayer(ConnectionClock& clock, std::shared_ptr<const Tls> tls, std::string host);
  DcmTransportConnection* createConnection(DcmNativeSocketType socket, OFBool secure) override;
  bool has_taken_socket() const { return has_taken_socket_; }

 private:
  ConnectionClock& clock_;
  ConnectionStart start_;
  std::shared_ptr<const Tls> tls_;
  std::string host_;
  bool has_taken_socket_ = false;
};

struct NetworkDeleter {
  void operator()(T_ASC_Network* network) const;
};
using Network = std::unique_ptr<T_ASC_Network, NetworkDeleter>;

struct AssociationDeleter {
  void operator()(T_ASC_Association* association) const;
};
using Association = std::unique_ptr<T_ASC_Association, AssociationDeleter>;

/// DCMTK's requestor. `timeout_s`: of its own waits for the peer's answers, in seconds.
/// Throws Error(io).
Network requestor_network(DcmTransportLayer& layer, int timeout_s);

/// What receive_association makes; the association goes before the network that it came from.
struct IncomingRequest {
  Network network;
  Association association;
};

/// Lets DCMTK read the A-ASSOCIATE-RQ from a connected socket. The request must be there already, among the
/// layer's received bytes, because only one thread at a time can be in here: DCMTK takes the socket from a
/// global. Takes the socket over. Throws Error(peer_transient) for a malformed request.
IncomingRequest receive_association(FileDescriptor socket, TimedTransportLayer& layer,
                                    std::uint32_t max_pdu_bytes);

/// Sends A-ABORT where the connection still stands, and waits no longer than a second for the peer.
void abort_association(T_ASC_Association& association, ConnectionClock& clock);

}  // namespace metserve::dicom
