#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

struct ssl_st;
struct ssl_ctx_st;

namespace metserve::dicom {

/// Secure transport connection profiles of PS3.15 annex B.
enum class TlsProfile {
  bcp195_nd,        ///< B.10, non-downgrading BCP 195: TLS 1.2 and newer
  bcp195,           ///< B.9, BCP 195: older versions where the peer has nothing better
  bcp195_extended,  ///< B.11, extended BCP 195: TLS 1.2 and newer, few cipher suites
};

struct TlsOptions {
  TlsProfile profile = TlsProfile::bcp195_nd;
  std::filesystem::path certificate;  ///< PEM, our own with what links it to its root; empty: none
  std::filesystem::path key;          ///< PEM, of that certificate, without password
  std::filesystem::path trusted;      ///< PEM, roots that vouch for peers; empty: no peer is asked
};

struct TlsSessionDeleter {
  void operator()(ssl_st* session) const;
};
using TlsSession = std::unique_ptr<ssl_st, TlsSessionDeleter>;

/// Certificates and keys of one side, which can be read anew while connections are made. Thread safety: all
/// members from any thread.
class Tls {
 public:
  enum class Role {
    server,  ///< needs certificate and key; with `trusted`, every peer must show a certificate
    client,  ///< needs `trusted`; certificate and key only where the server asks
  };
  /// Throws Error(bad_input) that names the file which is missing or not what it should be.
  Tls(Role role, TlsOptions options);

  /// Reads the files again; connections made from now on use them. Throws like the constructor, and keeps
  /// what it had then.
  void reload();

  /// The end of our certificate's validity; 1970 without one.
  std::chrono::system_clock::time_point valid_until() const;

  /// A session on a connected socket. `host`: whose name or address the server's certificate must carry.
  TlsSession session(int socket, const std::string& host = {}) const;

 private:
  std::shared_ptr<ssl_ctx_st> load() const;
  std::shared_ptr<ssl_ctx_st> current() const;

  const Role role_;
  const TlsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;
};

/// The common name in the peer's certificate; empty when it showed none.
std::string peer_common_name(const ssl_st* session);

}  // namespace metserve::dicom
