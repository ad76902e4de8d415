// What the configuration says about TLS, and the paths in it.

#include "server/config_parts.h"

namespace metserve::server {

void read_path(ConfigSection& section, const char* key, std::filesystem::path& path) {
  std::string text = path;
  section.text(key, text);
  path = text;
  if (!path.empty() && !path.is_absolute())
    section.problem(key, "must be an absolute path, is '" + text + "'");
}

dicom::TlsOptions read_tls(ConfigSection section, std::initializer_list<const char*> required) {
  dicom::TlsOptions tls;
  section.choice<dicom::TlsProfile>("profile", tls.profile,
                                    {{"bcp195_nd", dicom::TlsProfile::bcp195_nd},
                                     {"bcp195", dicom::TlsProfile::bcp195},
                                     {"bcp195_extended", dicom::TlsProfile::bcp195_extended}});
  read_path(section, "certificate", tls.certificate);
  read_path(section, "key", tls.key);
  read_path(section, "trusted", tls.trusted);
  read_path(section, "crl", tls.crl);
  for (const char* key : required) {
    if (!section.has(key)) section.problem(key, "is missing");
  }
  if (tls.certificate.empty() != tls.key.empty())
    section.problem("key", "certificate and key belong together");
  if (!tls.crl.empty() && tls.trusted.empty())
    section.problem("crl", "needs trusted: without it nobody shows a certificate");
  section.finish();
  return tls;
}

}  // namespace metserve::server
