#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace metserve::server {

/// One request to an HTTP server.
struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;          ///< "Name: value"
  std::vector<std::filesystem::path> parts;  ///< files of a multipart body
  std::string part_type;                     ///< media type of each
  std::filesystem::path ca_file;             ///< whom to trust, and nobody else; empty: the system's list
  bool through_proxy = true;                 ///< where the environment names one (`http_proxy`)
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds silence_timeout{60};  ///< without a byte either way
  std::stop_token stop;                      ///< then it has to end within `stop_grace`
  std::chrono::seconds stop_grace{5};
};

struct HttpAnswer {
  unsigned status = 0;
  std::string content_type, body;
};

/// Calls, and follows no redirections: a body of images must not go where nobody sent it. Throws
/// Error(unreachable) naming the address when there is no answer, Error(unanswered) when parts were sent by
/// then, Error(io) for a part that cannot be read, Error(cancelled) when it was told to stop before there was
/// one. Thread safety: from any thread.
HttpAnswer call(const HttpCall& request);

}  // namespace metserve::server
