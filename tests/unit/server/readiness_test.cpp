// What /readyz answers of a running server, and what asking costs.

#include <chrono>
#include <thread>

#include "dicom/runtime.h"
#include "server/http_client.h"
#include "server/service.h"
#include "server/sqlite_database.h"
#include "tests/catch.h"
#include "tests/unit/dicom/certificates.h"
#include "tests/unit/server/service_fixture.h"

using namespace metserve;
using namespace metserve::server;

namespace {

struct ReadinessFixture : ServiceFixture {
  dicom::Runtime runtime;
  dicom::test::Authority authority{directory.path() / "authority"};

  void use_tls() {
    authority.issue("server", "IP:127.0.0.1");
    config.tls = dicom::TlsOptions{.certificate = authority.path("server.pem"),
                                   .key = authority.path("server.key"),
                                   .trusted = authority.path("ca.pem"),
                                   .crl = authority.path("crl.pem")};
  }
  static HttpAnswer ask(const Service& service, const std::string& path) {
    HttpCall request;
    request.url = "http://127.0.0.1:" + std::to_string(service.http_port()) + path;
    return call(request);
  }
  static bool is_ready(const Service& service) { return ask(service, "/readyz").status == 200; }
};

}  // namespace

TEST_CASE("A server that no caller can reach any more is not ready", "[server][service][tls]") {
  ReadinessFixture f;
  f.use_tls();
  f.authority.list_revoked();
  Service service(f.config, f.log);
  CHECK(f.is_ready(service));
  CHECK_THAT(f.ask(service, "/metrics").body,
             Catch::Contains("metserve_certificate_expiry_seconds{of=\"certificate\"} 17") &&
                 Catch::Contains("metserve_certificate_expiry_seconds{of=\"crl\"} 2"));

  f.authority.list_revoked("20200102000000Z");
  service.reload();
  const HttpAnswer without_list = f.ask(service, "/readyz");
  CHECK(without_list.status == 503);
  CHECK_THAT(without_list.body, Catch::Contains("crl.pem: valid until 2020-01-02"));
  CHECK_THAT(f.ask(service, "/metrics").body,
             Catch::Contains("metserve_certificate_expiry_seconds{of=\"crl\"} -"));

  f.authority.list_revoked();
  f.authority.issue("server", "IP:127.0.0.1", "-1");
  service.reload();
  const HttpAnswer expired = f.ask(service, "/readyz");
  CHECK(expired.status == 503);
  CHECK_THAT(expired.body, Catch::Contains("server.pem: valid until 20"));
  CHECK_THAT(f.logged(), Catch::Contains("no caller gets in until there is a new one"));
}

TEST_CASE("A refused handshake counts as a rejected association", "[server][service][tls][peers]") {
  ReadinessFixture f;
  f.use_tls();
  f.authority.list_revoked();
  const Service service(f.config, f.log);
  const auto echo =
      dicom::test::run_program({"echoscu", "+tla", "+cf", f.authority.path("ca.pem"), "-aec",
                                f.config.dicom.ae_title, "127.0.0.1", std::to_string(service.dicom_port())});
  CHECK(echo.status != 0);
  CHECK(soon([&] {
    return f.ask(service, "/metrics").body.find("metserve_associations_total{outcome=\"rejected\"} 1\n") !=
           std::string::npos;
  }));
}

TEST_CASE("A database that somebody else has locked is told of at once", "[server][service]") {
  const ReadinessFixture f;
  const Service service(f.config, f.log);
  Database other(f.config.storage.directory / "metserve.db");
  const Transaction lock(other);
  // The collector meets the lock first, and waits with the store's own mutex.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto start = std::chrono::steady_clock::now();
  const HttpAnswer locked = f.ask(service, "/readyz");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(4));
  CHECK(locked.status == 503);
  CHECK_THAT(locked.body, Catch::Contains("database is locked"));
}

TEST_CASE("However often readiness is asked for, the disk writes once in a while", "[server][service]") {
  const ReadinessFixture f;
  const Service service(f.config, f.log);
  const auto written = f.config.storage.directory / "metserve.db-wal";
  CHECK(f.is_ready(service));
  const auto size = std::filesystem::file_size(written);
  for (int i = 0; i < 50; ++i) CHECK(f.is_ready(service));
  CHECK(std::filesystem::file_size(written) == size);
}
