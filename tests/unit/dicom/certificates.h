#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/dicom/peer_programs.h"

namespace metserve::dicom::test {

/// A certificate authority of its own below a directory, made with openssl: `ca.pem`, and NAME.pem with
/// NAME.key for each that is issued.
class Authority {
 public:
  explicit Authority(const std::filesystem::path& directory) : directory_(directory) {
    std::filesystem::create_directories(directory);
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=Test CA", "-days", "2", "-keyout", path("ca.key"), "-out", path("ca.pem")});
  }
  /// `name`: the common name; `subject`: e.g. "IP:127.0.0.1", whom it is for; `days`: of validity, below
  /// 0 for one that is over.
  void issue(const std::string& name, const std::string& subject, const std::string& days = "2") const {
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
             "-keyout", path(name + ".key"), "-out", path(name + ".csr")});
    std::ofstream(path(name + ".ext")) << "subjectAltName=" << subject << "\n";
    openssl({"x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
             "-CAcreateserial", "-days", days, "-extfile", path(name + ".ext"), "-out", path(name + ".pem")});
  }
  /// `crl.pem`, the list of what has been revoked so far, valid until then (YYYYMMDDHHMMSSZ).
  void list_revoked(const std::string& until = "20991231000000Z") const {
    write_configuration();
    authority_with(
        {"-gencrl", "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", until, "-out", path("crl.pem")});
  }
  void revoke(const std::string& name) const {
    write_configuration();
    authority_with({"-revoke", path(name + ".pem")});
    list_revoked();
  }
  std::string path(const std::string& file) const { return (directory_ / file).string(); }

 private:
  void write_configuration() const {
    std::ofstream(path("index"), std::ios::app);
    std::ofstream(path("ca.cnf")) << "[ca]\ndefault_ca = here\n[here]\ndefault_md = sha256\ndatabase = "
                                  << path("index") << "\n";
  }
  void authority_with(std::vector<std::string> arguments) const {
    const std::vector<std::string> always = {"ca",           "-config", path("ca.cnf"), "-keyfile",
                                             path("ca.key"), "-cert",   path("ca.pem")};
    arguments.insert(arguments.begin(), always.begin(), always.end());
    openssl(arguments);
  }
  static void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const auto result = run_program(arguments);
    if (result.status != 0) throw std::runtime_error("openssl: " + result.output);
  }
  std::filesystem::path directory_;
};

}  // namespace metserve::dicom::test
