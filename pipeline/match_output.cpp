#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "pipeline/match.h"

namespace metserve::pipeline {
namespace {

/// One row of the table, cut to what fits beside the reasons.
std::string row(const std::array<std::string, 7>& cells) {
  constexpr std::array<int, 7> widths{5, 34, 6, 11, 9, 7, 5};
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::array<char, 64> cell{};
    std::snprintf(cell.data(), cell.size(), "%-*.*s  ", widths[i], widths[i], cells[i].c_str());
    text += cell.data();
  }
  return text;
}

std::string confidence_text(double confidence) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%.2f", std::clamp(confidence, 0.0, 1.0));
  return text.data();
}

}  // namespace

std::string to_json(const dicom::Study& study, const StudyMatch& match) {
  using nlohmann::ordered_json;
  ordered_json json{{"study_instance_uid", study.study_instance_uid}, {"series", ordered_json::array()}};
  for (const SeriesMatch& m : match.series) {
    const dicom::Series& series = study.series[m.series];
    const dicom::SeriesHeader& header = series.header;
    json["series"].push_back({
        {"series_instance_uid", header.series_instance_uid},
        {"series_number", header.series_number ? ordered_json(*header.series_number) : ordered_json()},
        {"description", header.series_description},
        {"instances", series.instances.size()},
        {"slot", m.slot ? ordered_json(models::id(*m.slot)) : ordered_json()},
        {"decision", to_string(m.decision)},
        {"contrast", to_string(m.contrast)},
        {"confidence", std::round(m.confidence * 100) / 100},
        {"reasons", m.reasons},
    });
  }
  json["subset"] = models::ids(match.subset);
  json["reference"] = match.reference
                          ? ordered_json(study.series[*match.reference].header.series_instance_uid)
                          : ordered_json();
  // Descriptions may hold bytes that are no UTF-8 whatever their character set says.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string to_table(const dicom::Study& study, const StudyMatch& match) {
  std::string table =
      row({"no.", "description", "images", "slot", "decision", "agent", "conf."}) + "reason\n";
  for (const SeriesMatch& m : match.series) {
    const dicom::SeriesHeader& header = study.series[m.series].header;
    table += row({header.series_number ? std::to_string(*header.series_number) : "-",
                  header.series_description, std::to_string(header.images),
                  m.slot ? std::string(models::name(*m.slot)) : "-", std::string(to_string(m.decision)),
                  std::string(to_string(m.contrast)), confidence_text(m.confidence)});
    table += m.reasons.empty() ? "" : m.reasons.front();
    table += '\n';
  }
  table += "sequences:";
  for (const std::string& id : models::ids(match.subset)) table += " " + id;
  return table + (match.subset.none() ? " none\n" : "\n");
}

}  // namespace metserve::pipeline
