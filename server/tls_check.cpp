#include "server/tls_check.h"

#include "server/error.h"
#include "server/times.h"

namespace metserve::server {

std::string check_tls(const dicom::TlsOptions& options, std::chrono::system_clock::time_point now) {
  const dicom::Tls tls(dicom::Tls::Role::server, options);
  const std::string certificate = options.certificate.string();
  if (tls.valid_from() > now)
    throw Error(Error::Kind::io, certificate + ": valid only from " + iso_time(tls.valid_from()) +
                                     ": callers will refuse it until then");
  std::string when = certificate + ": valid until " + iso_time(tls.valid_until());
  if (tls.valid_until() < now) throw Error(Error::Kind::io, when + ": callers will refuse it");
  if (options.crl.empty()) return when;
  const std::string lists = options.crl.string() + ": valid until " + iso_time(tls.lists_valid_until());
  if (tls.lists_valid_until() < now) throw Error(Error::Kind::io, lists + ": callers are refused");
  return when + "; " + lists;
}

}  // namespace metserve::server
