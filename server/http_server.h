#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "server/config.h"
#include "server/http_handlers.h"

namespace metserve::server {

/// HTTP/1.1 on one thread; requests have no body (else 413), at most 8 KiB of header (else 431) and 10 s, and
/// at most 64 connections are open at a time. Constructed means listening. Thread safety: constructor and
/// destructor on one thread; the handler is called on the server's own.
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
