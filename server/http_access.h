#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "server/audit.h"
#include "server/http_handlers.h"

namespace metserve::server {

/// Who may ask over HTTP. A token file has one line "NAME TOKEN" for each user; empty lines and those that
/// begin with # are skipped. Without a file, which only a server on a loopback address can do, everybody may
/// who asks for this machine by a name of its own: a web page whose name was made to lead here (DNS
/// rebinding) asks for another. Thread safety: all members from any thread.
class HttpAccess {
 public:
  /// Throws Error(bad_call) naming the file and what is wrong: a token has at least 16 characters and is of
  /// one user.
  explicit HttpAccess(std::filesystem::path token_file);

  /// Reads the file again; keeps what it had when that throws.
  void reload();

  /// The user's name for the value of an Authorization header (RFC 6750: "Bearer TOKEN"); nothing for a wrong
  /// one. "anybody" when there is no file.
  std::optional<std::string> user(std::string_view authorization) const;

  /// Whether a Host header may be answered: always where there is a token file, since a web page has no
  /// token; else localhost and loopback addresses, with a port or without.
  bool answers_to(std::string_view host) const;

 private:
  using Users = std::map<std::string, std::string>;  ///< names by the SHA-256 of their tokens
  static Users read(const std::filesystem::path& file);

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  Users users_;
};

/// The value of an Authorization header with the file's first token: what a program of the same machine asks
/// with. Throws Error(bad_call) like HttpAccess.
std::string first_authorization(const std::filesystem::path& token_file);

/// Lets `handle` answer those who may ask, and everybody's /healthz and /readyz; the others get 401, and
/// 403 where the Host header is that of another machine. What is asked about studies, and what is refused,
/// goes to the audit trail with what came of it.
HttpResponse guarded(const HttpRequest& request, const HttpAccess& access, Audit& audit,
                     const std::function<HttpResponse(const HttpRequest&)>& handle);

}  // namespace metserve::server
