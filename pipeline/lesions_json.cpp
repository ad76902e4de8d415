#include "pipeline/lesions_json.h"

#include <cmath>

#include <nlohmann/json.hpp>

namespace metserve::pipeline {

namespace {

using nlohmann::ordered_json;

/// To three decimals: micrometres, microlitres and milliseconds are as fine as anybody can use.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

ordered_json registration_json(const SequenceRegistration& sequence, bool is_reference) {
  const Registration& registration = sequence.registration;
  ordered_json json{{"slot", models::id(sequence.slot)},
                    {"rotation_deg", rounded(registration.fixed_to_moving.rotation_deg())},
                    {"translation_mm", rounded(registration.displacement_mm)},
                    {"accepted", registration.accepted}};
  if (is_reference) return json;
  json["distinctness"] = rounded(registration.distinctness);
  json["overlap"] = rounded(registration.overlap);
  if (!registration.accepted) json["reason"] = registration.reason;
  return json;
}

ordered_json lesion_json(const Lesion& lesion) {
  const auto& centroid = lesion.centroid_lps_mm;
  return {{"id", lesion.number},
          {"volume_mm3", rounded(lesion.volume_mm3)},
          {"longest_diameter_mm", rounded(lesion.longest_diameter_mm)},
          {"centroid_lps_mm", {rounded(centroid[0]), rounded(centroid[1]), rounded(centroid[2])}},
          {"mean_probability", rounded(lesion.mean_probability)},
          {"max_probability", rounded(lesion.max_probability)}};
}

/// What became of the lesions since an earlier study, those that are gone included.
ordered_json follow_up_json(const StudyResult& result) {
  ordered_json lesions = ordered_json::array();
  for (const Lesion& lesion : result.lesions.lesions)
    lesions.push_back({{"id", lesion.number},
                       {"change", lesion.history->change},
                       {"volume_mm3", rounded(lesion.volume_mm3)},
                       {"prior_volume_mm3", rounded(lesion.history->prior_volume_mm3)},
                       {"volume_change_percent", rounded(lesion.history->volume_change_percent)},
                       {"remark", lesion.history->remark}});
  for (const ResolvedLesion& lesion : result.follow_up->resolved)
    lesions.push_back({{"id", lesion.number},
                       {"change", "resolved"},
                       {"volume_mm3", 0},
                       {"prior_volume_mm3", rounded(lesion.prior_volume_mm3)},
                       {"volume_change_percent", -100},
                       {"remark", ""}});
  return {{"segmentation", result.follow_up->segmentation_uid},
          {"study_date", result.follow_up->study_date},
          {"lesions", lesions}};
}

ordered_json timings_json(const Timings& timings) {
  return {{"load", rounded(timings.load)},
          {"register", rounded(timings.register_)},
          {"preprocess", rounded(timings.preprocess)},
          {"infer", rounded(timings.infer)},
          {"postprocess", rounded(timings.postprocess)},
          {"encode", rounded(timings.encode)}};
}

}  // namespace

std::string to_json(const StudyResult& result) {
  ordered_json registrations = ordered_json::array();
  for (const auto& sequence : result.registrations)
    registrations.push_back(registration_json(sequence, registrations.empty()));
  ordered_json lesions = ordered_json::array();
  for (const auto& lesion : result.lesions.lesions) lesions.push_back(lesion_json(lesion));
  ordered_json json{{"model",
                     {{"name", result.model.name},
                      {"version", result.model.version},
                      {"sha256", result.model.weights_sha256}}},
                    {"subset", models::ids(result.subset)},
                    {"reference_series", result.reference.header.series_instance_uid},
                    {"threshold", result.rule.threshold},
                    {"minimum_peak", result.rule.minimum_peak},
                    {"minimum_roundness", result.rule.minimum_roundness},
                    {"registration", registrations},
                    {"lesions", lesions},
                    {"timings_s", timings_json(result.timings)},
                    {"warnings", result.warnings}};
  if (result.follow_up) json["follow_up"] = follow_up_json(result);
  // Descriptions come from scanners: text that is no UTF-8 must not cost a result.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace metserve::pipeline
