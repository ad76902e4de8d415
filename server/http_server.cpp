#include "server/http_server.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "dicom/host_slots.h"
#include "server/error.h"

namespace metserve::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Handler = std::function<HttpResponse(const HttpRequest&)>;
using ErrorCode = boost::system::error_code;

constexpr std::chrono::seconds time_limit{10};
constexpr std::uint32_t header_limit = 8192;
constexpr std::size_t connection_limit = 64;
constexpr std::ptrdiff_t host_limit = 16;  ///< connections of one host
constexpr std::chrono::milliseconds accept_pause{100};

/// RFC 9112 section 6.1: what is encoded in a way that is not understood cannot be told from what follows.
bool has_unknown_encoding(const http::request<http::empty_body>& request) {
  const auto [begin, end] = request.equal_range(http::field::transfer_encoding);
  return std::any_of(begin, end, [](const auto& field) { return !beast::iequals(field.value(), "chunked"); });
}

/// The answer to what cannot be read; none where nobody is there any more, or it is no HTTP.
std::optional<HttpResponse> refusal(ErrorCode error) {
  const auto response = [](unsigned status, const std::string& what) {
    return HttpResponse{status, "application/json", "{\"error\": \"" + what + "\"}\n"};
  };
  if (error == http::error::body_limit || error == http::error::unexpected_body)
    return response(413, "no request has a body: all parameters are in its address");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return response(431, "the request's header is longer than 8 KiB");
  return std::nullopt;
}

}  // namespace

/// One connection, kept alive by what it waits for.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Steady = std::chrono::steady_clock;

  HttpSession(Tcp::socket&& socket, const Handler& handler)
      : stream_(std::move(socket)),
        handler_(handler),
        address_(peer_address()),
        host_(dicom::host_of(address_)) {}

  const dicom::Host& host() const { return host_; }
  bool is_open() const { return stream_.socket().is_open(); }
  void close() { stream_.close(); }
  /// Those that wait for a request come before those that are being answered, and the oldest first.
  std::pair<bool, Steady::time_point> dispensability() const { return {is_answering_, since_}; }

  void read() {
    is_answering_ = false;
    since_ = Steady::now();
    parser_.emplace();
    parser_->header_limit(header_limit);
    parser_->body_limit(0);
    stream_.expires_after(time_limit);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](ErrorCode error, std::size_t) { self->answer(error); });
  }

 private:
  void answer(ErrorCode error) {
    if (parser_->is_header_done() && has_unknown_encoding(parser_->get()))
      return write({501, "application/json", "{\"error\": \"this Transfer-Encoding is not known here\"}\n"},
                   false);
    if (const auto refused = refusal(error)) return write(*refused, false);
    if (error) return;  // gone, silent for too long, or no HTTP: the stream closes with the session
    const auto& request = parser_->get();
    write(handler_({std::string(request.method_string()), std::string(request.target()),
                    std::string(request[http::field::authorization]), address_,
                    std::string(request[http::field::host])}),
          request.keep_alive());
  }

  void write(const HttpResponse& made, bool keep_alive) {
    is_answering_ = true;
    since_ = Steady::now();
    const auto& request = parser_->get();
    response_ = http::response<http::string_body>(static_cast<http::status>(made.status), request.version());
    response_.set(http::field::content_type, made.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (made.status == 401) response_.set(http::field::www_authenticate, "Bearer");
    response_.keep_alive(keep_alive);
    response_.body() = made.body;
    response_.prepare_payload();
    if (request.method() == http::verb::head) response_.body().clear();
    stream_.expires_after(time_limit);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](ErrorCode failure, std::size_t) { self->next(failure); });
  }

  std::string peer_address() const {
    ErrorCode gone;
    const auto peer = stream_.socket().remote_endpoint(gone);
    return gone ? "" : peer.address().to_string();
  }

  void next(ErrorCode error) {
    if (error) return;
    if (response_.keep_alive()) return read();
    ErrorCode ignored;
    stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    drain();
  }

  /// Takes in what the peer still sends, within the answer's time: closing over unread bytes resets the
  /// connection, and with it the answer may be lost.
  void drain() {
    stream_.async_read_some(buffer_.prepare(header_limit),
                            [self = shared_from_this()](ErrorCode error, std::size_t) {
                              if (!error) self->drain();
                            });
  }

  beast::tcp_stream stream_;
  const Handler& handler_;
  const std::string address_;
  const dicom::Host host_;
  bool is_answering_ = false;
  Steady::time_point since_ = Steady::now();
  beast::flat_buffer buffer_{header_limit};
  std::optional<http::request_parser<http::empty_body>> parser_;
  http::response<http::string_body> response_;
};

struct HttpServer::Impl {
  Handler handler;
  asio::io_context context{1};
  Tcp::acceptor acceptor{context};
  asio::steady_timer pause{context};
  std::vector<std::weak_ptr<HttpSession>> sessions;
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](ErrorCode error, Tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();  // e.g. out of file descriptors
      const auto session = std::make_shared<HttpSession>(std::move(socket), handler);
      make_room_for(session->host());
      sessions.push_back(session);
      session->read();
      accept();
    });
  }

  void make_room_for(const dicom::Host& host) {
    std::vector<std::shared_ptr<HttpSession>> open;
    for (const auto& one : sessions)
      if (auto session = one.lock(); session && session->is_open()) open.push_back(std::move(session));
    std::map<dicom::Host, std::ptrdiff_t> counts;
    for (const auto& one : open) ++counts[one->host()];
    sessions.assign(open.begin(), open.end());
    const bool host_is_full = counts[host] >= host_limit;
    if (!host_is_full && open.size() < connection_limit) return;
    const auto rank = [&](const std::shared_ptr<HttpSession>& one) {
      const bool is_own = host_is_full && one->host() == host;
      return std::tuple(!is_own, -counts[one->host()], one->dispensability());
    };
    (*std::min_element(open.begin(), open.end(), [&](const auto& a, const auto& b) {
      return rank(a) < rank(b);
    }))->close();
  }

  void accept_later() {
    pause.expires_after(accept_pause);
    pause.async_wait([this](ErrorCode error) {
      if (!error) accept();
    });
  }
};

HttpServer::HttpServer(const HttpConfig& config, std::function<HttpResponse(const HttpRequest&)> handler)
    : impl_(std::make_unique<Impl>()) {
  impl_->handler = std::move(handler);
  try {
    const Tcp::endpoint endpoint(asio::ip::make_address(config.bind_address), config.port);
    impl_->acceptor.open(endpoint.protocol());
    impl_->acceptor.set_option(asio::socket_base::reuse_address(true));
    impl_->acceptor.bind(endpoint);
    impl_->acceptor.listen();
  } catch (const boost::system::system_error& error) {
    throw Error(Error::Kind::io, "http: cannot listen on " + config.bind_address + " port " +
                                     std::to_string(config.port) + ": " + error.code().message());
  }
  impl_->accept();
  impl_->thread = std::thread([this] { impl_->context.run(); });
}

HttpServer::~HttpServer() {
  impl_->context.stop();
  impl_->thread.join();
}

std::uint16_t HttpServer::port() const {
  return impl_->acceptor.local_endpoint().port();
}

}  // namespace metserve::server
