#include "server/http_server.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

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
constexpr int connection_limit = 64;
constexpr std::chrono::milliseconds accept_pause{100};

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

/// One connection, kept alive by what it waits for.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Tcp::socket&& socket, const Handler& handler, int& open)
      : stream_(std::move(socket)), handler_(handler), open_(open) {
    ++open_;
  }
  ~Session() { --open_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(header_limit);
    parser_->body_limit(0);
    stream_.expires_after(time_limit);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](ErrorCode error, std::size_t) { self->answer(error); });
  }

 private:
  void answer(ErrorCode error) {
    if (const auto refused = refusal(error)) return write(*refused, false);
    if (error) return;  // gone, silent for too long, or no HTTP: the stream closes with the session
    const auto& request = parser_->get();
    write(handler_({std::string(request.method_string()), std::string(request.target()),
                    std::string(request[http::field::authorization]), peer_address()}),
          request.keep_alive());
  }

  void write(const HttpResponse& made, bool keep_alive) {
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

  std::string peer_address() {
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
  int& open_;
  beast::flat_buffer buffer_{header_limit};
  std::optional<http::request_parser<http::empty_body>> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

struct HttpServer::Impl {
  Handler handler;
  int open = 0;  // before the context: sessions count down when the context lets them go
  asio::io_context context{1};
  Tcp::acceptor acceptor{context};
  asio::steady_timer pause{context};
  std::thread thread;

  void accept() {
    if (open >= connection_limit) return accept_later();
    acceptor.async_accept([this](ErrorCode error, Tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();  // e.g. out of file descriptors
      std::make_shared<Session>(std::move(socket), handler, open)->read();
      accept();
    });
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
