#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace metserve::server {

/// The JSON of `GET /studies` for people: one line a study.
std::string studies_table(const nlohmann::ordered_json& json);

/// The JSON of `GET /studies/KEY` for people: the study, its series, deliveries and history.
std::string study_table(const nlohmann::ordered_json& json);

}  // namespace metserve::server
