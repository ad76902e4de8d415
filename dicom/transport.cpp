#include "dicom/transport.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>

#include <poll.h>
#include <unistd.h>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

/// Heads and short PDUs go through it; what is longer is read to where it belongs.
constexpr std::size_t read_buffer_bytes = 16384;
constexpr std::size_t pdu_head_bytes = 6;
constexpr int closing_timeout_s = 1;  ///< for a peer that should close the connection and does not

using Steady = ConnectionClock::Steady;

int poll_timeout_ms(Steady::time_point until) {
  if (until == Steady::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// Set-up of DCMTK's network layer writes globals without a lock.
std::mutex& dcmtk_globals() {
  static std::mutex mutex;
  return mutex;
}

Network make_network(T_ASC_NetworkRole role, int timeout_s) {
  T_ASC_Network* network = nullptr;
  const auto condition = ASC_initializeNetwork(role, 0, timeout_s, &network);
  if (condition.bad())
    throw Error(Error::Kind::io, std::string("network layer does not start: ") + condition.text());
  return Network(network);
}

/// Lends a socket to DCMTK's acceptor for as long as it lives.
class ExternalSocket {
 public:
  explicit ExternalSocket(int socket) { dcmExternalSocketHandle.set(socket); }
  ~ExternalSocket() { dcmExternalSocketHandle.set(DCMNET_INVALID_SOCKET); }
  ExternalSocket(const ExternalSocket&) = delete;
  ExternalSocket& operator=(const ExternalSocket&) = delete;
};

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int FileDescriptor::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

void ConnectionClock::restart() {
  deadline = std::min(Steady::now() + timeout, stop_deadline);
}

void ConnectionClock::note_stop() {
  stopped = true;
  stop_deadline = Steady::now() + stop_grace;
  deadline = std::min(deadline, stop_deadline);
}

bool ConnectionClock::stop_requested() {
  pollfd event{stop_event, POLLIN, 0};
  if (!stopped && stop_event >= 0 && ::poll(&event, 1, 0) > 0) note_stop();
  return stopped;
}

TimedConnection::TimedConnection(int socket, TlsSession session, ConnectionClock& clock,
                                 std::vector<std::uint8_t> received)
    : DcmTCPConnection(socket),
      clock_(clock),
      channel_(socket, std::move(session)),
      buffer_(std::move(received)),
      end_(buffer_.size()) {
  buffer_.resize(std::max(buffer_.size(), read_buffer_bytes));
}

OFCondition TimedConnection::clientSideHandshake() {
  clock_.restart();
  for (;;) {
    const auto progress = channel_.handshake();
    if (progress.count > 0) return EC_Normal;
    if (progress.waits() && await(progress.wait_for, clock_.deadline, false)) continue;
    const auto why = "TLS: " + (progress.waits() ? "no answer in time" : channel_.failure());
    return makeOFCondition(OFM_dcmnet, DULC_TLSERROR, OF_error, why.c_str());
  }
}

ssize_t TimedConnection::read(void* to, size_t bytes) {
  auto* const target = static_cast<std::uint8_t*>(to);
  if (begin_ == end_) {
    if (bytes >= buffer_.size()) return receive({target, bytes}, bytes);
    const auto count = receive(buffer_, 1);
    if (count <= 0) return count;
    begin_ = 0;
    end_ = static_cast<std::size_t>(count);
  }
  const auto count = std::min(bytes, end_ - begin_);
  std::memcpy(target, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

/// What is there; when nothing is, waits until there is as much as `worth_waking`.
ssize_t TimedConnection::receive(std::span<std::uint8_t> to, std::size_t worth_waking) {
  for (;;) {
    const auto progress = channel_.receive(to);
    if (!progress.waits()) {
      // DCMTK repeats a read for as long as it sees EINTR
      if (progress.count < 0) errno = ECONNRESET;
      return progress.count;
    }
    channel_.wake_at(worth_waking);
    if (!await(progress.wait_for, clock_.deadline, false)) {
      clock_.timed_out = true;
      errno = ETIMEDOUT;
      return -1;
    }
  }
}

/// True when the socket is ready for `event`.
bool TimedConnection::await(short event, Steady::time_point until, bool end_on_stop) {
  channel_.acknowledge();
  for (;;) {
    pollfd events[2] = {{getSocket(), event, 0}, {clock_.stop_event, POLLIN, 0}};
    const nfds_t count = clock_.stop_event < 0 || clock_.stopped ? 1 : 2;
    const int found = ::poll(events, count, poll_timeout_ms(until));
    if (found == 0) return false;
    if (found < 0 && errno != EINTR) return false;
    if (found > 0 && count == 2 && events[1].revents != 0) {
      clock_.note_stop();
      if (end_on_stop) return false;
      until = std::min(until, clock_.stop_deadline);
    }
    if (found > 0 && events[0].revents != 0) return true;
  }
}

/// DCMTK hands a P-DATA over in two pieces; together they are one packet and wake the peer once.
bool TimedConnection::rest_of_pdu_follows(std::span<const std::uint8_t> piece) {
  if (unsent_of_pdu_ == 0 && piece.size() >= pdu_head_bytes) {  // PS3.8 section 9.3.1
    const std::size_t length = std::size_t{piece[2]} << 24 | std::size_t{piece[3]} << 16 |
                               std::size_t{piece[4]} << 8 | std::size_t{piece[5]};
    unsent_of_pdu_ = pdu_head_bytes + length;
  }
  unsent_of_pdu_ -= std::min(unsent_of_pdu_, piece.size());
  return unsent_of_pdu_ > 0;
}

ssize_t TimedConnection::write(void* from, size_t bytes) {
  const std::span source(static_cast<const std::uint8_t*>(from), bytes);
  const auto until = Steady::now() + clock_.timeout;
  const bool more_follows = rest_of_pdu_follows(source);
  std::size_t sent = 0;
  while (sent < bytes) {
    const auto progress = channel_.send(source.subspan(sent), more_follows);
    if (progress.count > 0) {
      sent += static_cast<std::size_t>(progress.count);
      continue;
    }
    if (!progress.waits()) return -1;
    pollfd event{getSocket(), progress.wait_for, 0};
    if (::poll(&event, 1, poll_timeout_ms(until)) == 0) {
      clock_.timed_out = true;
      errno = ETIMEDOUT;
      return -1;
    }
  }
  clock_.restart();
  return static_cast<ssize_t>(bytes);
}

OFBool TimedConnection::networkDataAvailable(int timeout_s) {
  if (begin_ != end_ || channel_.has_pending()) return OFTrue;
  auto until = Steady::now() + std::chrono::seconds(std::max(timeout_s, 0));
  if (clock_.stopped) until = std::min(until, clock_.deadline);
  channel_.wake_at(1);
  return await(POLLIN, until, true) ? OFTrue : OFFalse;
}

void TimedConnection::close() {
  channel_.finish();
  DcmTCPConnection::close();
}

TimedTransportLayer::TimedTransportLayer(ConnectionClock& clock, ConnectionStart start)
    : clock_(clock), start_(std::move(start)) {}

TimedTransportLayer::TimedTransportLayer(ConnectionClock& clock, std::shared_ptr<const Tls> tls,
                                         std::string host)
    : clock_(clock), tls_(std::move(tls)), host_(std::move(host)) {}

DcmTransportConnection* TimedTransportLayer::createConnection(DcmNativeSocketType socket, OFBool secure) {
  if (secure) return nullptr;  // TLS is ours to begin
  has_taken_socket_ = true;
  auto session = tls_ ? tls_->session(socket, host_) : std::move(start_.session);
  // DCMTK owns and deletes it
  return new TimedConnection(socket, std::move(session), clock_, std::move(start_.received));
}

void NetworkDeleter::operator()(T_ASC_Network* network) const {
  ASC_dropNetwork(&network);
}

void AssociationDeleter::operator()(T_ASC_Association* association) const {
  ASC_destroyAssociation(&association);
}

Network requestor_network(DcmTransportLayer& layer, int timeout_s) {
  const std::scoped_lock lock(dcmtk_globals());
  auto network = make_network(NET_REQUESTOR, timeout_s);
  ASC_setTransportLayer(network.get(), &layer, 0);
  return network;
}

IncomingRequest receive_association(FileDescriptor socket, TimedTransportLayer& layer,
                                    std::uint32_t max_pdu_bytes) {
  const std::scoped_lock lock(dcmtk_globals());
  const ExternalSocket lent(socket.get());
  auto network = make_network(NET_ACCEPTOR, closing_timeout_s);
  ASC_setTransportLayer(network.get(), &layer, 0);
  T_ASC_Association* received = nullptr;
  const auto condition = ASC_receiveAssociation(network.get(), &received, static_cast<long>(max_pdu_bytes),
                                                nullptr, nullptr, OFFalse, DUL_NOBLOCK, closing_timeout_s);
  if (layer.has_taken_socket()) socket.release();
  Association association(received);
  if (condition.bad())
    throw Error(Error::Kind::peer_transient, std::string("association request: ") + condition.text());
  return {std::move(network), std::move(association)};
}

void abort_association(T_ASC_Association& association, ConnectionClock& clock) {
  if (association.DULassociation == nullptr) return;
  if (DUL_getTransportConnection(association.DULassociation) == nullptr) return;
  clock.stopped = true;  // from here on only the deadline counts
  clock.timeout = std::chrono::seconds(closing_timeout_s);
  clock.stop_deadline = Steady::time_point::max();
  clock.restart();
  ASC_abortAssociation(&association);
}

}  // namespace metserve::dicom
