#include "server/study_json.h"

#include "server/times.h"

namespace metserve::server {
namespace {

using Json = nlohmann::ordered_json;

Json series_json(const SeriesFinding& series, const SeriesDecisions& decisions) {
  Json json{{"series_instance_uid", series.series_instance_uid},
            {"series_number", series.series_number ? Json(*series.series_number) : Json()},
            {"description", series.description},
            {"images", series.images},
            {"slot", series.slot ? Json(models::id(*series.slot)) : Json()},
            {"decision", series.decision},
            {"confidence", series.confidence},
            {"reason", series.reason}};
  const auto decided = decisions.find(series.series_instance_uid);
  if (decided != decisions.end()) {
    json["decided"] = decided->second ? models::id(*decided->second) : "none";
  }
  return json;
}

Json result_json(const ResultSummary& result) {
  return {{"revision", result.revision},
          {"created", iso_time(result.created)},
          {"superseded", result.superseded}};
}

Json delivery_json(const DeliverySummary& delivery) {
  Json json{{"destination", delivery.destination},
            {"object", delivery.object},
            {"state", to_string(delivery.state)},
            {"tries", delivery.tries},
            {"changed", iso_time(delivery.changed)}};
  if (delivery.state <= DeliveryState::stored) json["next_try"] = iso_time(delivery.next_try);
  if (!delivery.reason.empty()) json["reason"] = delivery.reason;
  return json;
}

Json history_json(const HistoryEntry& entry) {
  return {{"time", iso_time(entry.time)}, {"state", to_string(entry.state)}, {"note", entry.note}};
}

}  // namespace

Json to_json(const StudySummary& study) {
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
            {"tries", study.tries},
            {"undelivered", study.undelivered},
            {"attention", study.attention}};
  if (!study.reason.empty()) json["reason"] = study.reason;
  return json;
}

Json to_json(const StudyDetails& study) {
  Json json = to_json(study.summary);
  json["series_found"] = Json::array();
  for (const auto& series : study.series)
    json["series_found"].push_back(series_json(series, study.decisions));
  json["results"] = Json::array();
  for (const auto& result : study.results) json["results"].push_back(result_json(result));
  json["deliveries"] = Json::array();
  for (const auto& delivery : study.deliveries) json["deliveries"].push_back(delivery_json(delivery));
  json["history"] = Json::array();
  for (const auto& entry : study.history) json["history"].push_back(history_json(entry));
  return json;
}

}  // namespace metserve::server
