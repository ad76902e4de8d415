#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "server/config.h"
#include "server/http_handlers.h"

namespace metserve::server {

/// HTTP/1.1 on one thread; requests have no body (else 413; 501 for a Transfer-Encoding other than chunked),
/// at most 8 KiB of header (else 431) and 10 s. At most 64 connections are open at a time, 16 of one host (an
/// IPv4 address, an IPv6 network of 64 bits): a further one takes the place of the host's own that is idle
/// for longest, or of that of the host with most of them. Constructed means listening. Thread safety:
/// constructor and destructor on one thread; the handler is called on the server's own.
class HttpServer {
 public:
  /// Throws Error(io) naming the address when it cannot be bound.
  HttpServer(const HttpConfig& config, std::function<HttpResponse(const HttpRequest&)> handler);
  ~HttpServer();

  std::uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metserve::server
