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
/// begin with # are skipped. Without a file everybody may. Thread safety: all members from any thread.
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

/// Lets `handle` answer those who may ask, and everybody's /healthz and /readyz; the others get 401. What is
/// asked about studies, and what is refused, goes to the audit trail.
HttpResponse guarded(const HttpRequest& request, const HttpAccess& access, Audit& audit,
                     const std::function<HttpResponse(const HttpRequest&)>& handle);

}  // namespace metserve::server
