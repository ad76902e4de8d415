#include "server/tls_check.h"

#include "server/error.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/dicom/certificates.h"

using namespace metserve;
using namespace metserve::server;

TEST_CASE("A certificate is good from its first to its last day", "[server][check][tls]") {
  const TemporaryDirectory directory;
  const dicom::test::Authority authority(directory.path() / "authority");
  authority.issue("server", "IP:127.0.0.1");  // from now on for two days
  dicom::TlsOptions options;
  options.certificate = authority.path("server.pem");
  options.key = authority.path("server.key");
  const auto now = std::chrono::system_clock::now();
  const std::string file = authority.path("server.pem");
  CHECK_THAT(check_tls(options, now), Catch::StartsWith(file + ": valid until "));
  CHECK_THROWS_WITH(check_tls(options, now - std::chrono::hours(1)),
                    Catch::StartsWith(file + ": valid only from ") && Catch::EndsWith("until then"));
  CHECK_THROWS_WITH(check_tls(options, now + std::chrono::hours(49)),
                    Catch::StartsWith(file + ": valid until ") && Catch::EndsWith("callers will refuse it"));
}
