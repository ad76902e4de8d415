// HTTP: bytes of a client to a real server on the loopback address, until it closes the connection.

#include <array>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http_server.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

namespace {

server::StudyDetails some_study() {
  server::StudyDetails study;
  study.summary.key = "0123456789abcdef";
  study.deliveries.push_back({"pacs", "seg", server::DeliveryState::attention, 3, {}, {}, "refused"});
  study.history.push_back({{}, server::StudyState::receiving, "first image"});
  return study;
}

server::HttpState some_state() {
  server::HttpState state;
  state.readiness = [] { return std::vector<server::ReadinessCheck>{{"dicom", true, "listening"}}; };
  state.metrics = [] { return std::string("metserve_up 1\n"); };
  state.studies = [](const server::StudyFilter& filter) {
    fuzz::require(filter.limit >= 1 && filter.limit <= 10000);
    return std::vector{some_study().summary};
  };
  state.study = [](const std::string& key) -> std::optional<server::StudyDetails> {
    if (key != some_study().summary.key) return std::nullopt;
    return some_study();
  };
  state.retry = state.remove = [](const std::string&) {};
  state.release = [](const std::string&, const server::SeriesDecisions& decisions) {
    fuzz::require(decisions.size() < 10000);
  };
  state.resend = [](const std::string&, const std::string&) {};
  return state;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const server::HttpState state = some_state();
  static const server::HttpServer http({.bind_address = "127.0.0.1", .port = 0},
                                       [](const server::HttpRequest& request) {
                                         const auto response = server::handle(request, state);
                                         fuzz::require(response.status >= 200 && response.status < 600);
                                         return response;
                                       });
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = {.sin_family = AF_INET,
                               .sin_port = htons(http.port()),
                               .sin_addr = {htonl(INADDR_LOOPBACK)},
                               .sin_zero = {}};
  const linger reset = {.l_onoff = 1, .l_linger = 0};  // ports are used again at once
  const timeval patience = {.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const bool connected = ::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  fuzz::require(connected || errno == EINTR);  // libFuzzer's own alarm
  ::send(client, data, size, MSG_NOSIGNAL);
  ::shutdown(client, SHUT_WR);
  std::array<char, 4096> answer{};
  ssize_t count = 0;
  do count = ::recv(client, answer.data(), answer.size(), 0);
  while (count > 0);
  fuzz::require(count == 0 || errno != EAGAIN);  // it always ends the connection
  ::close(client);
  return 0;
}
