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
  /// `name`: the common name; `subject`: e.g. "IP:127.0.0.1", whom it is for.
  void issue(const std::string& name, const std::string& subject) const {
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
             "-keyout", path(name + ".key"), "-out", path(name + ".csr")});
    std::ofstream(path(name + ".ext")) << "subjectAltName=" << subject << "\n";
    openssl({"x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
             "-CAcreateserial", "-days", "2", "-extfile", path(name + ".ext"), "-out", path(name + ".pem")});
  }
  std::string path(const std::string& file) const { return (directory_ / file).string(); }

 private:
  static void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const auto result = run_program(arguments);
    if (result.status != 0) throw std::runtime_error("openssl: " + result.output);
  }
  std::filesystem::path directory_;
};

}  // namespace metserve::dicom::test
