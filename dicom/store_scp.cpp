#include "dicom/store_scp.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <list>
#include <map>
#include <thread>
#include <utility>

#include <boost/asio.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "dicom/buffer_budget.h"
#include "dicom/error.h"
#include "dicom/host_slots.h"
#include "dicom/network_log.h"
#include "dicom/peer_log.h"
#include "dicom/pending_connection.h"
#include "dicom/store_scp_association.h"

namespace metserve::dicom {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Steady = std::chrono::steady_clock;

constexpr std::size_t max_pending = 256;  ///< connections that have not yet sent their request
constexpr std::chrono::milliseconds sweep_interval{200};
constexpr std::uint64_t warnings_a_minute = 20, refusals_a_minute = 200;  ///< lines of the log, of each host
constexpr std::size_t buffered_datasets = 4, least_buffered_bytes = std::size_t{1} << 30;
/// A-ASSOCIATE-RJ (PS3.8 section 9.3.4): transient, by the presentation layer, local limit exceeded.
constexpr std::array<std::uint8_t, 10> local_limit_exceeded = {0x03, 0, 0, 0, 0, 4, 0, 2, 3, 2};

void check(const StoreScpOptions& options, const StoreHandler& handler) {
  const auto require = [](bool valid, const std::string& what) {
    if (!valid) throw Error(Error::Kind::bad_input, "storage SCP: " + what);
  };
  require(!options.ae_title.empty() && options.ae_title.size() <= 16,
          "ae_title must have 1 to 16 characters");
  require(options.max_associations >= 1 && options.max_associations <= 1024,
          "max_associations must be 1 to 1024");
  require(options.max_associations_per_host.value_or(1) >= 1, "max_associations_per_host must be at least 1");
  require(options.max_pdu_bytes >= ASC_MINIMUMPDUSIZE && options.max_pdu_bytes <= ASC_MAXIMUMPDUSIZE,
          "max_pdu_bytes must be 4096 to 131072");
  require(options.min_bytes_per_second >= 1, "min_bytes_per_second must be at least 1");
  require(static_cast<bool>(handler), "there is no handler for instances");
}

std::size_t buffer_bytes(const StoreScpOptions& options) {
  return options.max_buffered_bytes.value_or(
      std::max(buffered_datasets * options.max_dataset_bytes, least_buffered_bytes));
}

FileDescriptor make_stop_event() {
  FileDescriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (event.get() < 0)
    throw Error(Error::Kind::io, "storage SCP: no file descriptor left for its stop event");
  return event;
}

void close_on_exec(int socket) {
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
}

}  // namespace

/// One thread accepts connections and reads association requests without ever blocking; each complete request
/// goes to a worker thread, which serves the association to its end.
struct StoreScp::Impl {
  Impl(StoreScpOptions o, StoreHandler h, CommitmentHandler c)
      : options(std::move(o)),
        handler(std::move(h)),
        on_commitment(std::move(c)),
        hosts(options.max_associations_per_host.value_or(
            std::max<std::size_t>(1, options.max_associations / 2))),
        buffers(buffer_bytes(options)),
        stop_event(make_stop_event()),
        context{options, handler, on_commitment, tallies, buffers, log, refusal_log, stop_event.get()},
        workers(options.max_associations) {
    dcmDisableGethostbyaddr.set(OFTrue);
    listen();
    accept_next();
    sweep_later();
    acceptor_thread = std::thread([this] { io.run(); });
  }

  ~Impl() {
    io.stop();
    acceptor_thread.join();
    error_code ignored;
    acceptor.close(ignored);
    ::eventfd_write(stop_event.get(), 1);
    workers.join();
  }

  void listen() {
    const auto where = options.bind_address + ":" + std::to_string(options.port);
    try {
      const tcp::endpoint endpoint(asio::ip::make_address(options.bind_address), options.port);
      acceptor.open(endpoint.protocol());
      close_on_exec(acceptor.native_handle());
      acceptor.set_option(tcp::acceptor::reuse_address(true));
      acceptor.bind(endpoint);
      acceptor.listen();
    } catch (const boost::system::system_error& error) {
      throw Error(Error::Kind::io, "cannot listen on " + where + ": " + error.code().message());
    }
  }

  void accept_next() {
    acceptor.async_accept([this](const error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {  // out of file descriptors, mostly: let some be closed
        log_warning("cannot accept a connection: " + error.message());
        pause.expires_after(sweep_interval);
        pause.async_wait([this](const error_code&) { accept_next(); });
        return;
      }
      take(std::move(socket));
      accept_next();
    });
  }

  void take(tcp::socket socket) {
    error_code error;
    close_on_exec(socket.native_handle());
    const auto peer = socket.remote_endpoint(error);
    if (error) return;  // gone already
    if (pending.size() >= max_pending) close(most_dispensable(), "too many connections send no request");
    try {
      auto session = options.tls ? options.tls->session(socket.native_handle()) : TlsSession();
      auto& connection = pending.emplace_back(std::move(socket), std::move(session));
      connection.peer_address = peer.address().to_string();
      connection.host = host_of(connection.peer_address);
      connection.deadline = Steady::now() + options.request_timeout;
    } catch (const Error& failure) {
      const auto address = peer.address().to_string();
      return log.warn(address, "connection from " + address + " closed: " + failure.what());
    }
    proceed(std::prev(pending.end()));
  }

  /// Shakes hands and reads the request as far as that goes without waiting.
  void proceed(std::list<Pending>::iterator connection) {
    auto progress = connection->channel.handshake();
    while (progress.count > 0) {
      if (connection->has_head() && !connection->is_request())
        return end(connection, "it does not start with an association request");
      const auto missing = connection->missing();
      if (missing == 0) return take_request(connection);
      connection->pdu.resize(connection->pdu_bytes + missing);
      progress = connection->channel.receive(std::span(connection->pdu).subspan(connection->pdu_bytes));
      if (progress.count > 0) connection->pdu_bytes += static_cast<std::size_t>(progress.count);
    }
    if (!progress.waits()) return end(connection, progress.count == 0 ? "" : connection->channel.failure());
    connection->channel.acknowledge();
    const auto event = progress.wait_for == POLLIN ? tcp::socket::wait_read : tcp::socket::wait_write;
    connection->socket.async_wait(event, [this, connection](const error_code& error) {
      if (error) return forget(connection);
      proceed(connection);
    });
  }

  /// The oldest connection of the host that has most of them.
  Pending& most_dispensable() {
    std::map<Host, int> counts;
    for (const auto& one : pending) counts[one.host] += one.socket.is_open();
    return *std::max_element(pending.begin(), pending.end(), [&](const Pending& a, const Pending& b) {
      return std::pair(a.socket.is_open(), counts[a.host]) < std::pair(b.socket.is_open(), counts[b.host]);
    });
  }

  void take_request(std::list<Pending>::iterator connection) {
    if (tallies.open >= options.max_associations)
      return reject(connection, std::to_string(options.max_associations) + " associations are open already");
    if (!hosts.take(connection->host))
      return reject(connection, "this host has as many open as one may have");
    hand_over(*connection);
    forget(connection);
  }

  /// `why` is empty when the peer has left by itself.
  void end(std::list<Pending>::iterator connection, const std::string& why) {
    if (!why.empty()) {
      ++tallies.rejected;
      log.warn(connection->peer_address, "connection from " + connection->peer_address + " closed: " + why);
      tell_rejected(*connection, why);
    }
    forget(connection);
  }

  void tell_rejected(const Pending& connection, const std::string& why) const {
    if (!options.on_association) return;
    AssociationEvent event;
    event.peer_address = connection.peer_address;
    event.certificate = common_name(peer_certificate(connection.channel.session()));
    event.reason = why;
    options.on_association(event);
  }

  /// Answers, and waits for the peer to close, since closing first could destroy the answer on its way.
  void reject(std::list<Pending>::iterator connection, const std::string& why) {
    ++tallies.rejected;
    log.warn(connection->peer_address, "association of " + connection->peer_address + " rejected: " + why);
    tell_rejected(*connection, why);
    connection->channel.send(local_limit_exceeded);  // ten bytes find room in any socket
    connection->socket.async_wait(tcp::socket::wait_read,
                                  [this, connection](const error_code&) { forget(connection); });
  }

  void hand_over(Pending& from) {
    ++tallies.open;
    auto session = from.channel.release();
    IncomingConnection connection = {.socket = FileDescriptor(from.socket.release()),
                                     .start = {std::move(from.pdu), std::move(session)},
                                     .peer_address = from.peer_address,
                                     .number = ++association_count};
    asio::post(workers, [this, host = from.host, c = std::move(connection)]() mutable {
      serve_association(std::move(c), context);
      hosts.release(host);
      --tallies.open;
    });
  }

  void forget(std::list<Pending>::iterator connection) { pending.erase(connection); }

  void close(Pending& connection, const char* why) {
    log.warn(connection.peer_address, "connection from " + connection.peer_address + " closed: " + why);
    error_code ignored;
    connection.socket.close(ignored);
  }

  void sweep_later() {
    sweep.expires_after(sweep_interval);
    sweep.async_wait([this](const error_code& error) {
      if (error) return;
      for (auto& connection : pending)
        if (connection.socket.is_open() && Steady::now() > connection.deadline)
          close(connection, "no association request came in time");
      log.sum_up();
      refusal_log.sum_up();
      sweep_later();
    });
  }

  const StoreScpOptions options;
  const StoreHandler handler;
  const CommitmentHandler on_commitment;
  StoreScpTallies tallies;
  HostSlots hosts;
  BufferBudget buffers;
  PeerLog log{warnings_a_minute}, refusal_log{refusals_a_minute};
  FileDescriptor stop_event;
  const StoreScpContext context;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer sweep{io}, pause{io};
  std::list<Pending> pending;           // of the acceptor's thread
  std::uint64_t association_count = 0;  // of the acceptor's thread
  asio::thread_pool workers;
  std::thread acceptor_thread;
};

StoreScp::StoreScp(StoreScpOptions options, StoreHandler handler, CommitmentHandler on_commitment) {
  check(options, handler);
  impl_ = std::make_unique<Impl>(std::move(options), std::move(handler), std::move(on_commitment));
}

StoreScp::~StoreScp() = default;

std::uint16_t StoreScp::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

StoreScpCounters StoreScp::counters() const {
  const auto& tallies = impl_->tallies;
  return {.associations_accepted = tallies.accepted,
          .associations_rejected = tallies.rejected,
          .associations_open = tallies.open,
          .instances = tallies.instances,
          .bytes = tallies.bytes,
          .refused = tallies.refused};
}

}  // namespace metserve::dicom
