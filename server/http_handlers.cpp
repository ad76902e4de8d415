#include "server/http_handlers.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <nlohmann/json.hpp>

#include "server/error.h"
#include "server/error_table.h"
#include "server/times.h"

namespace metserve::server {
namespace {

using Json = nlohmann::ordered_json;

HttpResponse json_response(unsigned status, const Json& json) {
  return {status, "application/json", json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpResponse error_response(unsigned status, const std::string& what) {
  return json_response(status, {{"error", what}});
}

Json summary_json(const StudySummary& study) {
  Json json{{"key", study.key},
            {"study_instance_uid", study.study_instance_uid},
            {"state", to_string(study.state)},
            {"state_since", iso_time(study.state_since)},
            {"first_received", iso_time(study.first_received)},
            {"last_received", iso_time(study.last_received)},
            {"series", study.series},
            {"images", study.instances},
            {"bytes", study.bytes},
            {"conflicts", study.conflicts},
            {"tries", study.tries}};
  if (!study.reason.empty()) json["reason"] = study.reason;
  return json;
}

Json delivery_json(const DeliverySummary& delivery) {
  Json json{{"destination", delivery.destination},
            {"object", delivery.object},
            {"state", to_string(delivery.state)},
            {"tries", delivery.tries},
            {"changed", iso_time(delivery.changed)}};
  if (delivery.state == DeliveryState::pending) json["next_try"] = iso_time(delivery.next_try);
  if (!delivery.reason.empty()) json["reason"] = delivery.reason;
  return json;
}

HttpResponse readiness(const HttpState& state) {
  Json checks = Json::array();
  bool ready = true;
  for (const ReadinessCheck& check : state.readiness()) {
    ready = ready && check.ok;
    checks.push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  return json_response(ready ? 200 : 503, {{"ready", ready}, {"checks", checks}});
}

/// The value of `name` in "a=b&c=d"; nothing we look for needs percent-decoding.
std::string parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name && equals != std::string_view::npos)
      return std::string(pair.substr(equals + 1));
  }
  return {};
}

int limit_from(const std::string& text) {
  constexpr int usual = 100, largest = 10000;
  if (text.empty()) return usual;
  int limit = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || limit < 1 || limit > largest) {
    throw Error(Error::Kind::bad_call, "limit must be a whole number from 1 to 10000");
  }
  return limit;
}

HttpResponse list_studies(std::string_view query, const HttpState& state) {
  const std::string name = parameter(query, "state");
  const auto wanted = study_state_from(name);
  if (!name.empty() && !wanted) {
    throw Error(Error::Kind::bad_call,
                "state must be receiving, ready, running, delivering, done, held, skipped or failed");
  }
  Json studies = Json::array();
  for (const StudySummary& study : state.studies(wanted, limit_from(parameter(query, "limit")))) {
    studies.push_back(summary_json(study));
  }
  return json_response(200, {{"studies", studies}});
}

HttpResponse show_study(const std::string& key, const HttpState& state) {
  const auto study = state.study(key);
  if (!study) return error_response(404, "there is no study with this key");
  Json json = summary_json(study->summary);
  json["deliveries"] = Json::array();
  for (const auto& delivery : study->deliveries) json["deliveries"].push_back(delivery_json(delivery));
  json["history"] = Json::array();
  for (const auto& entry : study->history) {
    json["history"].push_back(
        {{"time", iso_time(entry.time)}, {"state", to_string(entry.state)}, {"note", entry.note}});
  }
  return json_response(200, json);
}

HttpResponse route(const HttpRequest& request, const HttpState& state) {
  if (request.method != "GET" && request.method != "HEAD") return error_response(405, "only GET and HEAD");
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query = path.size() < target.size() ? target.substr(path.size() + 1) : "";
  constexpr std::string_view one_study = "/studies/";
  if (path == "/healthz") return {200, "text/plain; charset=utf-8", "ok\n"};
  if (path == "/readyz") return readiness(state);
  if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", state.metrics()};
  if (path == "/studies") return list_studies(query, state);
  if (path.starts_with(one_study)) return show_study(std::string(path.substr(one_study.size())), state);
  return error_response(404, "there are /healthz, /readyz, /metrics, /studies and /studies/KEY");
}

}  // namespace

HttpResponse handle(const HttpRequest& request, const HttpState& state) {
  try {
    return route(request, state);
  } catch (const std::exception& error) {
    return error_response(handling(error).http_status, reason_of(error));
  }
}

}  // namespace metserve::server
