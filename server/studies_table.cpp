#include "server/studies_table.h"

#include <algorithm>
#include <vector>

namespace metserve::server {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

/// A value as a cell: empty where there is none, printable in any case.
std::string cell(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return "";
  std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }, ' ');
  return text;
}

/// "2026-11-21T05:44:23.120Z" to "2026-11-21 05:44:23".
std::string time_cell(const Json& json, const char* key) {
  std::string text = cell(json, key).substr(0, 19);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

/// Columns as wide as their widest cell, two spaces between them.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

Row study_row(const Json& study) {
  return {cell(study, "key"),       cell(study, "state"),  time_cell(study, "state_since"),
          cell(study, "series"),    cell(study, "images"), cell(study, "undelivered"),
          cell(study, "attention"), cell(study, "reason")};
}

const Row study_titles{"KEY", "STATE", "SINCE (UTC)", "SERIES", "IMAGES", "PENDING", "STUCK", "REASON"};

std::string series_part(const Json& all) {
  std::vector<Row> rows{
      {"SERIES", "IMAGES", "SLOT", "DECISION", "DESCRIPTION", "REASON", "SERIES INSTANCE UID"}};
  for (const Json& one : all) {
    rows.push_back({cell(one, "series_number"), cell(one, "images"), cell(one, "slot"), cell(one, "decision"),
                    cell(one, "description"), cell(one, "reason"), cell(one, "series_instance_uid")});
  }
  return rows.size() > 1 ? "\n" + aligned(rows) : "";
}

std::string deliveries_part(const Json& all) {
  std::vector<Row> rows{
      {"DESTINATION", "OBJECT", "STATE", "TRIES", "CHANGED (UTC)", "NEXT TRY (UTC)", "REASON"}};
  for (const Json& one : all) {
    rows.push_back({cell(one, "destination"), cell(one, "object"), cell(one, "state"), cell(one, "tries"),
                    time_cell(one, "changed"), time_cell(one, "next_try"), cell(one, "reason")});
  }
  return rows.size() > 1 ? "\n" + aligned(rows) : "";
}

std::string history_part(const Json& all) {
  std::vector<Row> rows{{"TIME (UTC)", "STATE", "WHAT HAPPENED"}};
  for (const Json& one : all) {
    rows.push_back({time_cell(one, "time"), cell(one, "state"), cell(one, "note")});
  }
  return "\n" + aligned(rows);
}

}  // namespace

std::string studies_table(const Json& json) {
  std::vector<Row> rows{study_titles};
  for (const Json& study : json.at("studies")) rows.push_back(study_row(study));
  return aligned(rows);
}

std::string study_table(const Json& json) {
  return aligned({study_titles, study_row(json)}) + "\nStudy Instance UID " +
         cell(json, "study_instance_uid") + "\n" + series_part(json.at("series_found")) +
         deliveries_part(json.at("deliveries")) + history_part(json.at("history"));
}

}  // namespace metserve::server
