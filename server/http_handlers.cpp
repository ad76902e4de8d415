#include "server/http_handlers.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <nlohmann/json.hpp>

#include "server/error.h"
#include "server/error_table.h"
#include "server/http_query.h"
#include "server/study_json.h"

namespace metserve::server {
namespace {

using Json = nlohmann::ordered_json;

HttpResponse json_response(unsigned status, const Json& json) {
  return {status, "application/json", json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpResponse error_response(unsigned status, const std::string& what) {
  return json_response(status, {{"error", what}});
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

int limit_from(const std::string& text) {
  constexpr int largest = 10000;
  if (text.empty()) return StudyFilter{}.limit;
  int limit = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || limit < 1 || limit > largest) {
    throw Error(Error::Kind::bad_call, "limit must be a whole number from 1 to 10000");
  }
  return limit;
}

HttpResponse list_studies(std::string_view query, const HttpState& state) {
  const auto parameters = parameters_of(query, {"state", "attention", "limit"});
  const std::string name = value_of(parameters, "state"), attention = value_of(parameters, "attention");
  StudyFilter filter;
  filter.state = study_state_from(name);
  if (!name.empty() && !filter.state) {
    throw Error(Error::Kind::bad_call,
                "state must be receiving, ready, running, delivering, done, held, skipped or failed");
  }
  filter.needs_attention = attention == "true";
  if (!attention.empty() && attention != "true" && attention != "false") {
    throw Error(Error::Kind::bad_call, "attention must be true or false");
  }
  filter.limit = limit_from(value_of(parameters, "limit"));
  Json studies = Json::array();
  for (const StudySummary& study : state.studies(filter)) studies.push_back(to_json(study));
  return json_response(200, {{"studies", studies}});
}

HttpResponse show_study(const std::string& key, const HttpState& state) {
  const auto study = state.study(key);
  if (!study) throw Error(Error::Kind::not_found, "there is no study with the key '" + key + "'");
  return json_response(200, to_json(*study));
}

/// "series=UID:SLOT" for each series that was decided about.
SeriesDecisions decisions_from(std::string_view query) {
  SeriesDecisions decisions;
  for (const auto& [_, text] : parameters_of(query, {"series"})) {
    const std::size_t colon = text.find(':');
    const std::string name = colon == std::string::npos ? "" : text.substr(colon + 1);
    const auto slot = models::slot_from_id(name);
    if (!slot && name != "none") {
      throw Error(Error::Kind::bad_call,
                  "series must be UID:SLOT, with the slot t1_gre_post, t1_se_pre, "
                  "t1_se_post, flair or none");
    }
    const std::string uid = text.substr(0, colon);
    if (!decisions.emplace(uid, slot).second)
      throw Error(Error::Kind::bad_call, "series '" + uid + "' is named twice: say once which slot it fills");
  }
  return decisions;
}

/// What stands behind a study's key: "retry" and so on.
HttpResponse change_study(const std::string& key, std::string_view action, std::string_view query,
                          const HttpState& state) {
  if (action == "retry") {
    parameters_of(query, {});
    state.retry(key);
  } else if (action == "release") {
    state.release(key, decisions_from(query));
  } else {
    state.resend(key, value_of(parameters_of(query, {"destination"}), "destination"));
  }
  return show_study(key, state);
}

/// `rest`: what stands behind "/studies/".
HttpResponse one_study(const std::string& method, std::string_view rest, std::string_view query,
                       const HttpState& state) {
  const std::string key(rest.substr(0, rest.find('/')));
  const bool looks = method == "GET" || method == "HEAD";
  if (key.size() < rest.size()) {
    const std::string_view action = rest.substr(key.size() + 1);
    if (action != "retry" && action != "release" && action != "resend")
      return error_response(404, "a study has retry, release and resend");
    if (method != "POST") return error_response(405, "only POST");
    return change_study(key, action, query, state);
  }
  if (!looks && method != "DELETE") return error_response(405, "only GET, HEAD and DELETE");
  parameters_of(query, {});
  if (looks) return show_study(key, state);
  state.remove(key);
  return json_response(200, {{"deleted", key}});
}

HttpResponse route(const HttpRequest& request, const HttpState& state) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query = path.size() < target.size() ? target.substr(path.size() + 1) : "";
  constexpr std::string_view studies = "/studies/";
  if (path.starts_with(studies)) return one_study(request.method, path.substr(studies.size()), query, state);
  if (request.method != "GET" && request.method != "HEAD") return error_response(405, "only GET and HEAD");
  if (path == "/healthz") return {200, "text/plain; charset=utf-8", "ok\n"};
  if (path == "/readyz") return readiness(state);
  if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", state.metrics()};
  if (path == "/studies") return list_studies(query, state);
  return error_response(404, "there are /healthz, /readyz, /metrics, /studies and /studies/KEY");
}

}  // namespace

void connect_studies(HttpState& state, Store& store, Administration& administration) {
  state.studies = [&store](const StudyFilter& filter) { return store.studies(filter); };
  state.study = [&store](const std::string& key) { return store.study(key); };
  state.retry = [&administration](const std::string& key) { administration.retry(key); };
  state.remove = [&administration](const std::string& key) { administration.remove(key); };
  state.release = [&administration](const std::string& key, const SeriesDecisions& decisions) {
    administration.release(key, decisions);
  };
  state.resend = [&administration](const std::string& key, const std::string& destination) {
    administration.resend(key, destination);
  };
}

HttpResponse handle(const HttpRequest& request, const HttpState& state) {
  try {
    return route(request, state);
  } catch (const std::exception& error) {
    return error_response(handling(error).http_status, reason_of(error));
  }
}

}  // namespace metserve::server
