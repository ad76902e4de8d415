#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "server/error.h"
#include "server/http_handlers.h"
#include "server/http_server.h"
#include "tests/catch.h"

using namespace metserve::server;
using nlohmann::json;

namespace {

StudyDetails one_study() {
  StudyDetails study;
  study.summary.key = "0123456789abcdef";
  study.summary.study_instance_uid = "1.2.3";
  study.summary.state = StudyState::held;
  study.summary.reason = "two series could be BRAVO";
  study.summary.instances = 7;
  study.summary.state_since = TimePoint(std::chrono::milliseconds(1234));
  study.deliveries.push_back({"pacs", "seg", DeliveryState::attention, 3, {}, {}, "unknown AE title"});
  study.history.push_back({TimePoint(), StudyState::receiving, "first image, from PACS"});
  return study;
}

HttpState state_with(bool ready) {
  HttpState state;
  state.readiness = [ready] {
    return std::vector<ReadinessCheck>{{"dicom", true, "listening"}, {"workers", ready, "1 of 1"}};
  };
  state.metrics = [] { return std::string("metserve_up 1\n"); };
  state.studies = [](const StudyFilter& filter) {
    CHECK((filter.limit == 100 || filter.limit == 5));
    const bool fits = !filter.state || *filter.state == StudyState::held;
    return fits ? std::vector{one_study().summary} : std::vector<StudySummary>{};
  };
  state.study = [](const std::string& key) -> std::optional<StudyDetails> {
    if (key == "broken") throw Error(Error::Kind::io, "metserve.db: disk I/O error");
    if (key != one_study().summary.key) return std::nullopt;
    return one_study();
  };
  return state;
}

HttpResponse get(const std::string& target, bool ready = true) {
  return handle({"GET", target}, state_with(ready));
}

/// A connection to a server of this machine, from an address of this machine.
class Connection {
 public:
  explicit Connection(std::uint16_t port, const char* from = "127.0.0.1")
      : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, from, &address.sin_addr);
    REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void say(const std::string& text) const {
    REQUIRE(send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  /// Everything until the other side closes.
  std::string hear() const {
    std::string answer;
    char buffer[4096];
    for (ssize_t count = 0; (count = recv(socket_, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(count));
    return answer;
  }
  bool is_closed() const {
    char byte = 0;
    return recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

 private:
  int socket_;
};

std::string exchange(std::uint16_t port, const std::string& request, const char* from = "127.0.0.1") {
  const Connection connection(port, from);
  connection.say(request);
  return connection.hear();
}

}  // namespace

TEST_CASE("Health says ok, readiness says what is not", "[server][http]") {
  CHECK(get("/healthz").status == 200);
  CHECK(get("/healthz", false).status == 200);
  CHECK(get("/readyz").status == 200);
  const HttpResponse not_ready = get("/readyz", false);
  CHECK(not_ready.status == 503);
  const json body = json::parse(not_ready.body);
  CHECK(body["ready"] == false);
  CHECK(body["checks"][1]["name"] == "workers");
  CHECK(body["checks"][1]["ok"] == false);
}

TEST_CASE("Metrics are in Prometheus' text format", "[server][http]") {
  CHECK(get("/metrics").body == "metserve_up 1\n");
  CHECK(get("/metrics").content_type.starts_with("text/plain; version=0.0.4"));
}

TEST_CASE("Studies are listed with their states and reasons", "[server][http]") {
  const json list = json::parse(get("/studies").body);
  REQUIRE(list["studies"].size() == 1);
  CHECK(list["studies"][0]["state"] == "held");
  CHECK(list["studies"][0]["reason"] == "two series could be BRAVO");
  CHECK(list["studies"][0]["state_since"] == "1970-01-01T00:00:01.234Z");
  CHECK(json::parse(get("/studies?state=done&limit=5").body)["studies"].empty());
  CHECK(json::parse(get("/studies?limit=5&state=held").body)["studies"].size() == 1);
  CHECK(get("/studies?state=lost").status == 400);
  CHECK(get("/studies?limit=0").status == 400);
  CHECK(get("/studies?limit=ten").status == 400);
}

TEST_CASE("One study shows its deliveries and its history", "[server][http]") {
  const json study = json::parse(get("/studies/0123456789abcdef").body);
  CHECK(study["images"] == 7);
  CHECK(study["deliveries"][0]["state"] == "attention");
  CHECK(study["deliveries"][0]["reason"] == "unknown AE title");
  CHECK(study["history"][0]["note"] == "first image, from PACS");
  CHECK(get("/studies/ffff").status == 404);
}

TEST_CASE("Orders for a study reach their function with what they name", "[server][http]") {
  HttpState state = state_with(true);
  const std::string study = "/studies/" + one_study().summary.key;
  std::vector<std::string> calls;
  state.retry = [&](const std::string& key) { calls.push_back("retry " + key); };
  state.remove = [&](const std::string& key) { calls.push_back("remove " + key); };
  state.resend = [&](const std::string&, const std::string& destination) {
    calls.push_back("resend " + destination);
  };
  SeriesDecisions decisions;
  state.release = [&](const std::string&, const SeriesDecisions& decided) { decisions = decided; };

  CHECK(json::parse(handle({"POST", study + "/retry"}, state).body)["key"] == one_study().summary.key);
  CHECK(handle({"POST", study + "/resend?destination=pacs"}, state).status == 200);
  CHECK(handle({"POST", study + "/release?series=1.2.3:flair&series=1.2.4:none"}, state).status == 200);
  CHECK(decisions == SeriesDecisions{{"1.2.3", metserve::models::Slot::flair}, {"1.2.4", std::nullopt}});
  CHECK(json::parse(handle({"DELETE", study}, state).body)["deleted"] == one_study().summary.key);
  CHECK(calls ==
        std::vector<std::string>{"retry 0123456789abcdef", "resend pacs", "remove 0123456789abcdef"});

  CHECK(handle({"POST", study + "/release?series=1.2.3"}, state).status == 400);
  CHECK(handle({"POST", study + "/release?series=1.2.3:t2"}, state).status == 400);
  const auto twice = handle({"POST", study + "/release?series=1.2.3:flair&series=1.2.3:none"}, state);
  CHECK(twice.status == 400);
  CHECK_THAT(twice.body, Catch::Contains("series '1.2.3' is named twice"));
  CHECK(handle({"POST", study + "/explode"}, state).status == 404);
  CHECK(handle({"GET", study + "/retry"}, state).status == 405);
  CHECK(handle({"POST", study}, state).status == 405);
  CHECK(handle({"PUT", study}, state).status == 405);
  state.retry = [](const std::string&) { throw Error(Error::Kind::wrong_state, "study k is running"); };
  CHECK(handle({"POST", study + "/retry"}, state).status == 409);
}

TEST_CASE("Parameters are percent-decoded, and one that is unknown, empty or doubled changes nothing",
          "[server][http]") {
  HttpState state = state_with(true);
  const auto not_called = [] { FAIL("an order that was not understood was carried out"); };
  SeriesDecisions decisions;
  state.release = [&](const std::string&, const SeriesDecisions& decided) { decisions = decided; };
  state.retry = state.remove = [&](const std::string&) { not_called(); };
  state.resend = [&](const std::string&, const std::string&) { not_called(); };
  const std::string study = "/studies/" + one_study().summary.key;
  const auto error_of = [&](const std::string& method, const std::string& target) {
    const HttpResponse response = handle({method, target}, state);
    CHECK(response.status == 400);
    return json::parse(response.body)["error"].get<std::string>();
  };

  CHECK(handle({"POST", study + "/release?s%65ries=1.2.3%3Aflair&series=1.2.4%3anone"}, state).status == 200);
  CHECK(decisions == SeriesDecisions{{"1.2.3", metserve::models::Slot::flair}, {"1.2.4", std::nullopt}});
  CHECK(error_of("POST", study + "/resend?destinaton=archive") ==
        "unknown parameter 'destinaton'; did you mean 'destination'?");
  CHECK(error_of("POST", study + "/release?serie=1.2.3:flair") ==
        "unknown parameter 'serie'; did you mean 'series'?");
  CHECK(error_of("POST", study + "/resend?destination=") == "parameter 'destination' has no value");
  CHECK(error_of("POST", study + "/resend?destination") == "parameter 'destination' has no value");
  CHECK(error_of("POST", study + "/resend?destination=a&destination=b") ==
        "parameter 'destination' is given more than once");
  CHECK(error_of("POST", study + "/retry?force=true") == "unknown parameter 'force'");
  CHECK(error_of("DELETE", study + "?dry_run=true") == "unknown parameter 'dry_run'");
  CHECK(error_of("GET", study + "?verbose=1") == "unknown parameter 'verbose'");
  CHECK(error_of("GET", "/studies?colour=red") ==
        "unknown parameter 'colour'; valid are state, attention, limit");
}

TEST_CASE("What is not there, not allowed or broken has its own status", "[server][http]") {
  CHECK(get("/").status == 404);
  CHECK(get("/studies/../../etc/passwd").status == 404);
  CHECK(handle({"POST", "/studies"}, state_with(true)).status == 405);
  const HttpResponse broken = get("/studies/broken");
  CHECK(broken.status == 500);
  CHECK(json::parse(broken.body)["error"] == "metserve.db: disk I/O error");
}

TEST_CASE("The HTTP server answers over a real connection and refuses what is no HTTP", "[server][http]") {
  const HttpServer server({"127.0.0.1", 0},
                          [](const HttpRequest& request) { return handle(request, state_with(true)); });
  const std::string good =
      exchange(server.port(), "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(good.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(good.ends_with("\r\n\r\nok\n"));
  const std::string head =
      exchange(server.port(), "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(head.find("Content-Length: 3\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(exchange(server.port(), "nonsense\r\n\r\n").empty());
  CHECK_THROWS_WITH(
      HttpServer({"127.0.0.1", server.port()}, {}),
      "http: cannot listen on 127.0.0.1 port " + std::to_string(server.port()) + ": Address already in use");
}

TEST_CASE("A body is refused with 413, too long a header with 431", "[server][http]") {
  const HttpServer server({"127.0.0.1", 0}, [](const HttpRequest&) -> HttpResponse {
    return {200, "text/plain", "ok"};
  });
  const auto status = [&](const std::string& request) {
    return exchange(server.port(), request).substr(0, std::string("HTTP/1.1 413").size());
  };
  const std::string post = "POST /studies/k/retry HTTP/1.1\r\nHost: x\r\n";
  const auto with_body = [&](std::size_t bytes) {
    return post + "Content-Length: " + std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, '{');
  };
  CHECK(status(with_body(2)) == "HTTP/1.1 413");
  CHECK(status(with_body(1 << 20)) == "HTTP/1.1 413");
  CHECK(status(post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n") == "HTTP/1.1 413");
  CHECK(status(post + "Connection: close\r\nContent-Length: 0\r\n\r\n") == "HTTP/1.1 200");
  CHECK(status(post + "Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n") == "HTTP/1.1 200");
  for (const char* encoding : {"gzip", "identity", "gzip, chunked"}) {
    CAPTURE(encoding);
    CHECK(status(post + "Transfer-Encoding: " + encoding + "\r\n\r\n2\r\n{}\r\n0\r\n\r\n") == "HTTP/1.1 501");
  }
  CHECK(status("GET / HTTP/1.1\r\nX: " + std::string(20000, 'a')) == "HTTP/1.1 431");
  CHECK(status("GET /" + std::string(20000, 'a')) == "HTTP/1.1 431");
}

TEST_CASE("Idle connections lock nobody out of the HTTP server", "[server][http]") {
  const HttpServer server({"127.0.0.1", 0}, [](const HttpRequest& request) -> HttpResponse {
    return {200, "text/plain", request.peer_address + " asks for " + request.host};
  });
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::vector<std::unique_ptr<Connection>> idle;
  const auto closed = [&] {
    return std::count_if(idle.begin(), idle.end(), [](const auto& one) { return one->is_closed(); });
  };
  const auto began = std::chrono::steady_clock::now();

  for (int i = 0; i < 80; ++i) idle.push_back(std::make_unique<Connection>(server.port(), "127.0.0.2"));
  CHECK(exchange(server.port(), request, "127.0.0.3").ends_with("127.0.0.3 asks for x"));
  CHECK(closed() == 64);
  CHECK(idle.front()->is_closed());
  CHECK_FALSE(idle.back()->is_closed());
  CHECK(exchange(server.port(), request, "127.0.0.2").ends_with("127.0.0.2 asks for x"));

  for (const char* host : {"127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7"})
    for (int i = 0; i < 16; ++i) idle.push_back(std::make_unique<Connection>(server.port(), host));
  CHECK(exchange(server.port(), request).ends_with("127.0.0.1 asks for x"));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(8));  // before their time is up
}
