#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;

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
  /// PEM, revocation lists of all authorities between a peer and its root; empty: none is looked at. With it
  /// a peer is refused whose certificate is on one, or for which one is missing or out of date.
  std::filesystem::path crl{};
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

  /// The beginning of our certificate's validity; 1970 without one.
  std::chrono::system_clock::time_point valid_from() const;

  /// The end of our certificate's validity; 1970 without one.
  std::chrono::system_clock::time_point valid_until() const;

  /// When the first of the revocation lists is out of date; 1970 without any.
  std::chrono::system_clock::time_point lists_valid_until() const;

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

struct CertificateDeleter {
  void operator()(x509_st* certificate) const;
};
/// What a peer has shown; empty when it showed none.
using PeerCertificate = std::unique_ptr<x509_st, CertificateDeleter>;
PeerCertificate peer_certificate(const ssl_st* session);

/// Its common name; empty without a certificate.
std::string common_name(const PeerCertificate& certificate);

/// Whether its common name or one of its DNS names is `name`; case does not count, and there are no
/// wildcards.
bool bears_name(const PeerCertificate& certificate, const std::string& name);

}  // namespace metserve::dicom
