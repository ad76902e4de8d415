#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/store.h"

namespace metserve::server {

struct HttpRequest {
  std::string method, target;
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
  std::function<std::vector<StudySummary>(std::optional<StudyState>, int limit)> studies;
  std::function<std::optional<StudyDetails>(const std::string& key)> study;
};

/// Answers, and changes nothing:
///   GET /healthz                       200 while the process lives
///   GET /readyz                        200 or 503, JSON with each check
///   GET /metrics                       Prometheus text
///   GET /studies?state=held&limit=100  JSON, newest first
///   GET /studies/KEY                   JSON with deliveries and history
HttpResponse handle(const HttpRequest& request, const HttpState& state);

}  // namespace metserve::server
