#include "server/http_access.h"

#include <fstream>

#include "server/error.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve::server;
using metserve::TemporaryDirectory;

namespace {

struct AccessFixture {
  TemporaryDirectory directory;
  std::filesystem::path file = directory.path() / "tokens";
  LogConfig log_config{LogLevel::error, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  Audit audit{directory.path() / "audit", [] { return std::chrono::system_clock::time_point(); }, log};

  void write(const std::string& text) const { std::ofstream(file) << text; }
  std::string audited() const {
    std::ifstream stream(directory.path() / "audit");
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  unsigned status(const HttpAccess& access, const std::string& target, const std::string& authorization,
                  const std::string& host = "") {
    const HttpRequest request{"GET", target, authorization, "192.0.2.7", host};
    return guarded(request, access, audit,
                   [](const HttpRequest& allowed) {
                     const bool known = allowed.target != "/studies/unknown";
                     return HttpResponse{known ? 200U : 404U, "text/plain", "ok"};
                   })
        .status;
  }
};

constexpr const char* anna = "Bearer 0123456789abcdef";

}  // namespace

TEST_CASE("With a token file only those with a token get more than the state of health", "[server][http]") {
  AccessFixture f;
  f.write("# who may ask\n\nanna 0123456789abcdef\nmonitoring fedcba9876543210\n");
  const HttpAccess access(f.file);
  CHECK(f.status(access, "/studies?limit=1", anna) == 200);
  CHECK(f.status(access, "/metrics", "Bearer fedcba9876543210") == 200);
  for (const char* wrong :
       {"", "Bearer ", "Bearer 0123456789abcdeF", "Basic 0123456789abcdef", "0123456789abcdef"})
    CHECK(f.status(access, "/studies", wrong) == 401);
  CHECK(f.status(access, "/healthz", "") == 200);
  CHECK(f.status(access, "/readyz", "") == 200);
  CHECK(f.status(access, "/healthz/../studies", "") == 401);
  CHECK(f.audited().find("\"user\":\"anna\"},\"request\":\"GET /studies?limit=1\"") != std::string::npos);
  CHECK(f.audited().find("monitoring") == std::string::npos);
  CHECK(f.audited().find("Security Alert") != std::string::npos);
  CHECK(f.audited().find("0123456789abcdef") == std::string::npos);
}

TEST_CASE("Tokens are exchanged while the server runs, and a bad file changes nothing", "[server][http]") {
  AccessFixture f;
  f.write("anna 0123456789abcdef\n");
  HttpAccess access(f.file);
  f.write("anna short\n");
  CHECK_THROWS_WITH(access.reload(), Catch::Contains("tokens:1"));
  CHECK(access.user(anna) == "anna");
  f.write("berta 0123456789abcdef\n");
  access.reload();
  CHECK(access.user(anna) == "berta");
  f.write("berta 0123456789abcdef\nanna 0123456789abcdef\n");
  CHECK_THROWS_WITH(access.reload(), Catch::Contains("berta and anna have the same token"));
  f.write("");
  CHECK_THROWS_WITH(access.reload(), Catch::Contains("nobody could ask"));
}

TEST_CASE("The audit trail says what came of a request", "[server][http]") {
  AccessFixture f;
  const HttpAccess access({});
  CHECK(f.status(access, "/studies/unknown", "", "localhost") == 404);
  CHECK(f.audited().find("\"outcome\":\"failure\"") != std::string::npos);
  CHECK(f.audited().find("\"outcome\":\"success\"") == std::string::npos);
}

TEST_CASE("Without a token file everybody may ask, but not a page that calls this machine by its own name",
          "[server][http]") {
  AccessFixture f;
  const HttpAccess access({});
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1", "127.0.0.1:8080", "[::1]",
                           "[::1]:8080", "127.0.0.53:8080"}) {
    CAPTURE(host);
    CHECK(f.status(access, "/studies", "", host) == 200);
  }
  CHECK(f.audited().find("Security Alert") == std::string::npos);
  for (const char* host :
       {"", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil", "192.0.2.1",
        "[::2]", "::1", "localhost:8080:1", "127.0.0.0/8"}) {
    CAPTURE(host);
    CHECK(f.status(access, "/studies", "", host) == 403);
    CHECK(f.status(access, "/metrics", "", host) == 403);
    CHECK(f.status(access, "/healthz", "", host) == 200);
  }
  CHECK(f.audited().find("Security Alert") != std::string::npos);
  f.write("anna 0123456789abcdef\n");
  CHECK(f.status(HttpAccess(f.file), "/studies", anna, "metserve.example.org") == 200);
  CHECK_THROWS_WITH(HttpAccess("/nowhere/tokens"), Catch::Contains("/nowhere/tokens"));
}
