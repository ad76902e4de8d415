#include "dicom/tls.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <utility>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmtls/tlslayer.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

void check(const OFCondition& condition, const std::string& what) {
  ERR_clear_error();
  if (condition.bad()) throw Error(Error::Kind::bad_input, "TLS: " + what + ": " + condition.text());
}

void require_file(const std::filesystem::path& file, const char* what) {
  if (file.empty()) throw Error(Error::Kind::bad_input, std::string("TLS: no ") + what + " is given");
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    throw Error(Error::Kind::bad_input, "TLS: " + std::string(what) + " " + file.string() + " is no file");
}

DcmTLSSecurityProfile dcmtk_profile(TlsProfile profile) {
  switch (profile) {
    case TlsProfile::bcp195:
      return TSP_Profile_BCP195;
    case TlsProfile::bcp195_extended:
      return TSP_Profile_BCP195_Extended;
    case TlsProfile::bcp195_nd:
      break;
  }
  return TSP_Profile_BCP195_ND;
}

void use_certificate(DcmTLSTransportLayer& layer, const TlsOptions& options) {
  require_file(options.certificate, "certificate");
  require_file(options.key, "key");
  layer.setPrivateKeyPasswd("");
  check(layer.setPrivateKeyFile(options.key.c_str(), DCF_Filetype_PEM), options.key.string());
  // Not by DCMTK's setCertificateFile, which loses a key's memory each time (3.6.7).
  if (SSL_CTX_use_certificate_chain_file(layer.getNativeHandle(), options.certificate.c_str()) != 1) {
    const char* const why = ERR_reason_error_string(ERR_peek_last_error());
    const std::string text = options.certificate.string() + ": " + (why == nullptr ? "no certificate" : why);
    ERR_clear_error();
    throw Error(Error::Kind::bad_input, "TLS: " + text);
  }
  if (!layer.checkPrivateKeyMatchesCertificate())
    throw Error(Error::Kind::bad_input,
                "TLS: " + options.key.string() + " is not the key of " + options.certificate.string());
}

using TimePoint = std::chrono::system_clock::time_point;

/// 1970 where there is none.
TimePoint time_of(const ASN1_TIME* time) {
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) return {};
  return std::chrono::system_clock::from_time_t(timegm(&fields));
}

void use_revocation_lists(DcmTLSTransportLayer& layer, const std::filesystem::path& file) {
  require_file(file, "file of revocation lists");
  check(layer.addCertificateRevocationList(file.c_str(), DCF_Filetype_PEM), file.string());
  check(layer.setCRLverification(TCR_checkAllCRL), file.string());
}

/// A session that is taken up again is not verified again: who has one would get in after the certificate was
/// revoked or has expired.
void resume_no_session(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
}

}  // namespace

void TlsSessionDeleter::operator()(ssl_st* session) const {
  SSL_free(session);
}

Tls::Tls(Role role, TlsOptions options) : role_(role), options_(std::move(options)), context_(load()) {}

std::shared_ptr<ssl_ctx_st> Tls::load() const {
  const bool server = role_ == Role::server;
  DcmTLSTransportLayer layer(server ? NET_ACCEPTOR : NET_REQUESTOR, nullptr, OFFalse);
  if (!layer) throw Error(Error::Kind::io, "TLS: OpenSSL does not start");
  check(layer.setTLSProfile(dcmtk_profile(options_.profile)), "profile");
  check(layer.activateCipherSuites(), "cipher suites");
  if (server || !options_.certificate.empty()) use_certificate(layer, options_);
  if (!server || !options_.trusted.empty()) {
    require_file(options_.trusted, "file of trusted certificates");
    check(layer.addTrustedCertificateFile(options_.trusted.c_str(), DCF_Filetype_PEM),
          options_.trusted.string());
    if (!options_.crl.empty()) use_revocation_lists(layer, options_.crl);
    layer.setCertificateVerification(DCV_requireCertificate);
  } else {
    layer.setCertificateVerification(DCV_ignoreCertificate);
  }
  SSL_CTX* const context = layer.getNativeHandle();
  if (server) resume_no_session(context);
  SSL_CTX_up_ref(context);
  return {context, SSL_CTX_free};
}

std::shared_ptr<ssl_ctx_st> Tls::current() const {
  const std::scoped_lock lock(mutex_);
  return context_;
}

std::chrono::system_clock::time_point Tls::valid_from() const {
  const auto context = current();
  const X509* const certificate = SSL_CTX_get0_certificate(context.get());
  return certificate == nullptr ? TimePoint() : time_of(X509_get0_notBefore(certificate));
}

std::chrono::system_clock::time_point Tls::valid_until() const {
  const auto context = current();
  const X509* const certificate = SSL_CTX_get0_certificate(context.get());
  return certificate == nullptr ? TimePoint() : time_of(X509_get0_notAfter(certificate));
}

std::chrono::system_clock::time_point Tls::lists_valid_until() const {
  const auto context = current();
  const STACK_OF(X509_OBJECT)* const known = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context.get()));
  std::optional<TimePoint> first;
  for (int i = 0; i < sk_X509_OBJECT_num(known); ++i) {
    const X509_CRL* const list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(known, i));
    if (list == nullptr) continue;
    const TimePoint end = time_of(X509_CRL_get0_nextUpdate(list));
    first = std::min(first.value_or(end), end);
  }
  return first.value_or(TimePoint());
}

void Tls::reload() {
  auto loaded = load();
  const std::scoped_lock lock(mutex_);
  context_ = std::move(loaded);
}

TlsSession Tls::session(int socket, const std::string& host) const {
  const auto context = current();
  TlsSession session(SSL_new(context.get()));
  if (!session || SSL_set_fd(session.get(), socket) != 1)
    throw Error(Error::Kind::io, "TLS: OpenSSL makes no session");
  if (role_ == Role::server) {
    SSL_set_accept_state(session.get());
    return session;
  }
  SSL_set_connect_state(session.get());
  auto* const parameters = SSL_get0_param(session.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return session;
  if (host.empty() || X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), 0) != 1)
    throw Error(Error::Kind::bad_input, "TLS: '" + host + "' is no host to check a certificate for");
  SSL_set_tlsext_host_name(session.get(), host.c_str());
  return session;
}

void CertificateDeleter::operator()(x509_st* certificate) const {
  X509_free(certificate);
}

PeerCertificate peer_certificate(const ssl_st* session) {
  return PeerCertificate(session == nullptr ? nullptr : SSL_get1_peer_certificate(session));
}

std::string common_name(const PeerCertificate& certificate) {
  if (!certificate) return {};
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

bool bears_name(const PeerCertificate& certificate, const std::string& name) {
  constexpr unsigned flags = X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
  return certificate && !name.empty() &&
         X509_check_host(certificate.get(), name.data(), name.size(), flags, nullptr) == 1;
}

}  // namespace metserve::dicom
