#include "server/audit.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/error.h"
#include "server/hash.h"
#include "server/http_handlers.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve;
using namespace metserve::server;
using nlohmann::json;
using Kind = dicom::AssociationEvent::Kind;

namespace {

struct AuditFixture {
  TemporaryDirectory directory;
  std::filesystem::path file = directory.path() / "audit";
  LogConfig log_config{LogLevel::error, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  TimePoint now{};
  Audit audit{file, [this] { return now; }, log};

  std::vector<json> lines() const {
    std::vector<json> all;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);)
      if (!line.empty()) all.push_back(json::parse(line));
    return all;
  }
  static dicom::AssociationEvent event(Kind kind, std::uint64_t association) {
    return {kind, association, "PACS", "METSERVE", "192.0.2.1", "pacs.example.org", "it calls OTHER"};
  }
};

HttpRequest request(const std::string& target, const std::string& address) {
  return {.method = "GET", .target = target, .peer_address = address};
}

}  // namespace

TEST_CASE("What an association brings is told at once for each study, and counted at its end",
          "[server][audit]") {
  AuditFixture f;
  f.audit.association(AuditFixture::event(Kind::opened, 1));
  CHECK(f.lines().empty());
  f.audit.received(1, "1.2");
  f.audit.received(2, "1.2");
  f.audit.received(1, "1.3");
  f.audit.received(1, "1.2");
  REQUIRE(f.lines().size() == 3);
  CHECK(f.lines()[0]["event"] == "Begin Transferring DICOM Instances");
  CHECK(f.lines()[0]["association"] == 1);
  CHECK(f.lines()[0]["who"]["ae_title"] == "PACS");
  f.audit.association(AuditFixture::event(Kind::closed, 1));
  f.audit.association(AuditFixture::event(Kind::closed, 3));
  const auto lines = f.lines();
  REQUIRE(lines.size() == 5);
  CHECK(lines[3]["time"] == "1970-01-01T00:00:00.000Z");
  CHECK(lines[3]["event"] == "DICOM Instances Transferred");
  CHECK(lines[3]["action"] == "received");
  CHECK(lines[3]["who"] ==
        json{{"address", "192.0.2.1"}, {"ae_title", "PACS"}, {"certificate", "pacs.example.org"}});
  CHECK(lines[3]["study_instance_uid"] == "1.2");
  CHECK(lines[3]["study"] == study_key("1.2"));
  CHECK(lines[3]["images"] == 2);
  CHECK(lines[4]["study_instance_uid"] == "1.3");
}

TEST_CASE("Who is rejected is a security alert with its reason", "[server][audit]") {
  AuditFixture f;
  auto event = AuditFixture::event(Kind::rejected, 0);
  event.calling_ae_title = "EVIL\nTITLE";
  f.audit.association(event);
  const auto lines = f.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["event"] == "Security Alert");
  CHECK(lines[0]["outcome"] == "refused");
  CHECK(lines[0]["who"]["ae_title"] == "EVIL?TITLE");
  CHECK(lines[0]["reason"] == "it calls OTHER");
}

TEST_CASE("What is sent, deleted and looked at is kept, also after the file was moved away",
          "[server][audit]") {
  AuditFixture f;
  f.audit.started();
  f.audit.delivered("0123", "seg", "pacs");
  f.audit.deleted("0123", "retention");
  CHECK(f.lines().size() == 3);
  std::filesystem::rename(f.file, f.directory.path() / "audit.1");
  f.audit.reopen();
  f.audit.looked("anna", request("/studies/0123", "127.0.0.1"), 200);
  f.audit.looked("", request("/studies", "192.0.2.9"), 401);
  f.audit.stopped();
  const auto lines = f.lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["who"]["user"] == "anna");
  CHECK(lines[0]["request"] == "GET /studies/0123");
  CHECK(lines[1]["event"] == "Security Alert");
  CHECK(lines[2]["action"] == "stop");
}

TEST_CASE("Strangers who keep knocking are counted instead of filling the disk", "[server][audit]") {
  AuditFixture f;
  for (int i = 0; i < 1000; ++i) f.audit.looked("", request("/studies", "192.0.2.9"), 401);
  f.audit.looked("", request("/studies", "192.0.2.10"), 401);
  CHECK(f.lines().size() == 21);
  f.now += std::chrono::seconds(61);
  f.audit.started();
  const auto lines = f.lines();
  REQUIRE(lines.size() == 23);
  CHECK(lines[21]["who"]["address"] == "192.0.2.9");
  CHECK(lines[21]["times"] == 980);
}

TEST_CASE("Strangers with a whole network of IPv6 addresses are one", "[server][audit]") {
  AuditFixture f;
  for (int i = 1; i <= 100; ++i)
    f.audit.looked("", request("/studies", "2001:db8::" + std::to_string(i)), 401);
  CHECK(f.lines().size() == 20);
  f.audit.stopped();
  const auto lines = f.lines();
  REQUIRE(lines.size() == 22);
  CHECK(lines[21]["who"]["address"] == "2001:db8::1/64");
  CHECK(lines[21]["times"] == 80);
}

TEST_CASE("What was asked for in vain is no success, and a release names all of its series",
          "[server][audit]") {
  AuditFixture f;
  f.audit.looked("anna", request("/studies/0123", "127.0.0.1"), 404);
  std::string release = "/studies/0123/release?";
  for (int i = 0; i < 3; ++i) release += "series=1.2." + std::string(58, '1' + i) + ":flair&";
  f.audit.looked("anna", request(release, "127.0.0.1"), 200);
  f.audit.looked("", request("/studies", "127.0.0.1"), 403);
  const auto lines = f.lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["outcome"] == "failure");
  CHECK(lines[0]["status"] == 404);
  CHECK(lines[1]["outcome"] == "success");
  CHECK(lines[1]["request"] == "GET " + release);
  CHECK(lines[2]["outcome"] == "refused");
}

TEST_CASE("Lines that a full disk does not take are counted, and end nobody's work", "[server][audit]") {
  AuditFixture f;
  std::filesystem::remove(f.file);
  std::filesystem::create_symlink("/dev/full", f.file);
  f.audit.reopen();
  f.audit.delivered("0123", "seg", "pacs");
  f.audit.delivered("0123", "report", "pacs");
  std::filesystem::remove(f.file);
  f.audit.reopen();
  f.audit.started();
  const auto lines = f.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["lines"] == 2);
  CHECK(lines[1]["action"] == "start");
  std::ifstream log(f.directory.path() / "log");
  const std::string text{std::istreambuf_iterator<char>(log), {}};
  CHECK(text.find("audit: cannot be written") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("Without a file nothing is kept, and one that cannot be written is named", "[server][audit]") {
  const AuditFixture f;
  const auto now = [] { return std::chrono::system_clock::now(); };
  Audit none(std::nullopt, now, f.log);
  none.started();
  none.reopen();
  CHECK_THROWS_WITH(Audit("/nowhere/audit", now, f.log), Catch::Contains("/nowhere/audit"));
}
