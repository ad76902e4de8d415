// `metserve studies`: the same answers from a running server and from its directory.

#include <fstream>

#include <nlohmann/json.hpp>
#include <pwd.h>
#include <unistd.h>

#include "server/commands/commands.h"
#include "server/hash.h"
#include "server/http_server.h"
#include "server/studies_client.h"
#include "server/studies_table.h"
#include "tests/catch.h"
#include "tests/unit/dicom/peer_programs.h"
#include "tests/unit/server/environment_proxy.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;
using metserve::TemporaryDirectory;
using nlohmann::ordered_json;

namespace {

/// A storage directory with one failed study, as a stopped server left it.
struct Directory {
  TemporaryDirectory directory;
  Config config;
  std::string key = study_key("1.2");

  Directory() {
    config.storage.directory = directory.path() / "state";
    config.storage.min_free_bytes = 0;
    config.http.port = 0;
    config.log.file = directory.path() / "log";
    config.audit.file = directory.path() / "audit";
    Storage storage(config.storage.directory, 0);
    SqliteStore store(storage.database_file(), [] { return std::chrono::system_clock::now(); });
    const InstanceRecord image = StoreFixture::instance("1.2", "1.2.1.1");
    store.add_instances(std::span(&image, 1));
    store.make_quiet_studies_ready(std::chrono::milliseconds(0));
    const Claim claim = store.claim("here", one_minute).value();
    store.set_aside(claim, StudyState::failed, "slices of\nuneven spacing");
  }
  bool audited(const std::string& text) const {
    std::ifstream stream(*config.audit.file);
    return std::string(std::istreambuf_iterator<char>(stream), {}).find(text) != std::string::npos;
  }
  HttpResponse ask(const std::string& method, const std::string& target) const {
    return ask_about_studies(config, {method, target});
  }
};

}  // namespace

TEST_CASE("Without a server the storage directory answers", "[server][studies]") {
  const Directory d;
  const auto list = ordered_json::parse(d.ask("GET", "/studies?attention=true").body);
  REQUIRE(list["studies"].size() == 1);
  CHECK(list["studies"][0]["key"] == d.key);
  const HttpResponse again = d.ask("POST", "/studies/" + d.key + "/retry");
  CHECK(again.status == 200);
  CHECK(ordered_json::parse(again.body)["state"] == "ready");
  CHECK(d.ask("POST", "/studies/" + d.key + "/retry").status == 409);
  CHECK(d.ask("POST", "/studies/" + d.key + "/resend?destination=nowhere").status == 400);
  CHECK(d.ask("DELETE", "/studies/" + d.key).status == 200);
  CHECK(d.audited("\"request\":\"DELETE /studies/"));
  CHECK(d.audited("\"study\":\"" + d.key + "\",\"reason\":\"by a person\""));
  CHECK(d.ask("GET", "/studies/" + d.key).status == 404);
}

TEST_CASE("A directory that a server holds is left alone, and both reasons are named", "[server][studies]") {
  const Directory d;
  const Storage held(d.config.storage.directory, 0);
  CHECK_THROWS_WITH(d.ask("GET", "/studies"), Catch::Contains("http.port is 0") &&
                                                  Catch::Contains("another server runs on this directory"));
}

TEST_CASE("Another user's directory is left alone, and the user is named", "[server][studies]") {
  if (geteuid() != 0) return;  // nobody else can give a file away
  const Directory d;
  const auto state = d.config.storage.directory;
  std::filesystem::remove_all(state / "journal");
  const passwd* const other = getpwnam("nobody");
  REQUIRE(other != nullptr);
  REQUIRE(chown((state / "metserve.db").c_str(), other->pw_uid, other->pw_gid) == 0);
  CHECK_THROWS_WITH(d.ask("GET", "/studies"),
                    Catch::Contains("belongs to user nobody") && Catch::Contains("sudo -u nobody"));
  CHECK(kind_of_error([&] { d.ask("GET", "/studies"); }) == Error::Kind::bad_call);
  CHECK_FALSE(std::filesystem::exists(state / "journal"));
  CHECK_FALSE(std::filesystem::exists(*d.config.log.file));
}

TEST_CASE("A running server is asked through HTTP", "[server][studies]") {
  Directory d;
  const Storage held(d.config.storage.directory, 0);
  const HttpServer server({"127.0.0.1", 0}, [](const HttpRequest& request) -> HttpResponse {
    return {200, "application/json", "\"" + request.method + " " + request.target + "\""};
  });
  d.config.http.port = server.port();
  CHECK(d.ask("POST", "/studies/k/resend?destination=pacs").body ==
        "\"POST /studies/k/resend?destination=pacs\"");
  CHECK(d.ask("DELETE", "/studies/k").body == "\"DELETE /studies/k\"");
}

TEST_CASE("A running server is asked without the environment's proxy", "[server][studies]") {
  Directory d;
  const Storage held(d.config.storage.directory, 0);
  const HttpServer server({"127.0.0.1", 0}, [](const HttpRequest&) -> HttpResponse {
    return {200, "application/json", "{}"};
  });
  d.config.http.port = server.port();
  const EnvironmentProxy nobody("http://127.0.0.1:" + std::to_string(metserve::dicom::test::free_port()));
  CHECK(d.ask("GET", "/studies").body == "{}");
}

TEST_CASE("A running server that wants a token gets the first of the file", "[server][studies]") {
  Directory d;
  const Storage held(d.config.storage.directory, 0);
  const HttpServer server({"127.0.0.1", 0}, [](const HttpRequest& request) -> HttpResponse {
    return {200, "application/json", request.authorization};
  });
  d.config.http.port = server.port();
  CHECK(d.ask("GET", "/studies").body.empty());
  d.config.http.token_file = d.directory.path() / "tokens";
  std::ofstream(d.config.http.token_file) << "# names\nanna 0123456789abcdef\nbert fedcba9876543210\n";
  CHECK(d.ask("GET", "/studies").body == "Bearer 0123456789abcdef");
}

TEST_CASE("Another service on http.port is not taken for metserve, whatever it answers",
          "[server][studies]") {
  const TemporaryDirectory directory;
  std::string body;
  const HttpServer server({"127.0.0.1", 0}, [&](const HttpRequest&) -> HttpResponse {
    return {200, "text/html", body};
  });
  const std::string config = (directory.path() / "metserve.yaml").string();
  std::ofstream(config) << "http: {port: " << server.port() << "}\n";
  for (const char* answer : {"<html>Welcome</html>", "", "[]", "{}", "\"hello\""}) {
    body = answer;
    for (std::vector<std::string> words :
         {std::vector<std::string>{"list"}, {"show", "k"}, {"delete", "k"}}) {
      for (const bool json : {false, true}) {
        CLI::App program;
        add_studies(program);
        std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
        reversed.emplace_back("studies");
        reversed.insert(reversed.begin(), {config, "--config"});
        if (json) reversed.insert(reversed.begin(), "--json");
        CHECK_THROWS_WITH(program.parse(reversed),
                          "HTTP status 200; is it metserve that listens on http.port?");
      }
    }
  }
}

TEST_CASE("Tables align their columns and show no control characters", "[server][studies]") {
  const Directory d;
  const std::string list = studies_table(ordered_json::parse(d.ask("GET", "/studies").body));
  CHECK(list.starts_with("KEY               STATE   SINCE (UTC)"));
  CHECK_THAT(list, Catch::Contains(d.key + "  failed  20") && Catch::EndsWith("slices of uneven spacing\n"));
  const std::string one = study_table(ordered_json::parse(d.ask("GET", "/studies/" + d.key).body));
  CHECK_THAT(one, Catch::Contains("Study Instance UID 1.2\n") && Catch::Contains("first image, from PACS"));
}
