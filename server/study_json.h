#pragma once

#include <nlohmann/json.hpp>

#include "server/store.h"

namespace metserve::server {

/// The stable JSON of a study, as `GET /studies` and `metserve studies list --json` show it. Times are ISO
/// 8601 in UTC; what is not there has no key.
nlohmann::ordered_json to_json(const StudySummary& study);

/// The same with series, results, deliveries and history, as `GET /studies/KEY` shows it.
nlohmann::ordered_json to_json(const StudyDetails& study);

}  // namespace metserve::server
