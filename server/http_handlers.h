#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/administration.h"
#include "server/store.h"

namespace metserve::server {

struct HttpRequest {
  std::string method, target;
  std::string authorization{}, peer_address{};  ///< the header's value; who asks
  std::string host{};                           ///< the header's value: whom the client means
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type, body;
};

/// One thing that has to be right for the server to do its work.
struct ReadinessCheck {
  std::string name;
  bool ok = false;
  std::string detail;
};

/// What the handlers look at. Each function may throw; the handler answers with the error's status then.
struct HttpState {
  std::function<std::vector<ReadinessCheck>()> readiness;
  std::function<std::string()> metrics;
  std::function<std::vector<StudySummary>(const StudyFilter&)> studies;
  std::function<std::optional<StudyDetails>(const std::string& key)> study;
  std::function<void(const std::string&key)> retry, remove;
  std::function<void(const std::string& key, const SeriesDecisions&)> release;
  std::function<void(const std::string& key, const std::string& destination)> resend;
};

/// Adds what looks at studies and acts on them.
void connect_studies(HttpState& state, Store& store, Administration& administration);

/// Answers:
///   GET /healthz                                       200 while the process lives
///   GET /readyz                                        200 or 503, JSON with each check
///   GET /metrics                                       Prometheus text
///   GET /studies?state=held&attention=true&limit=100   JSON, newest first
///   GET /studies/KEY                                   JSON with series, results, deliveries and history
///   POST /studies/KEY/retry
///   POST /studies/KEY/release?series=UID:SLOT          SLOT may be `none`; any number of series
///   POST /studies/KEY/resend?destination=NAME          all destinations without it
///   DELETE /studies/KEY
/// What changes a study answers with the study as it is then, 404 when it is not there, 409 when it is in no
/// state for it; DELETE with {"deleted": KEY}. An order or a question about studies with a parameter that it
/// does not have is answered with 400.
HttpResponse handle(const HttpRequest& request, const HttpState& state);

}  // namespace metserve::server
