#include "pipeline/lesion_score.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

#include "dicom/error.h"

namespace metserve::pipeline {

namespace {

struct Found {
  int number;
  double volume_mm3;
  dicom::Vec3 centroid_lps_mm;
};

nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw dicom::Error(dicom::Error::Kind::io, path.string() + ": cannot be read");
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception& e) {
    throw dicom::Error(dicom::Error::Kind::bad_input, path.string() + ": " + e.what());
  }
}

/// Takes the nearest of `found` within reach out of it.
void pair(ScoredLesion& lesion, const dicom::Vec3& centroid, std::vector<Found>& found) {
  const auto distance = [&centroid](const Found& other) {
    const dicom::Vec3& c = other.centroid_lps_mm;
    return std::hypot(c[0] - centroid[0], c[1] - centroid[1], c[2] - centroid[2]);
  };
  const auto nearest = std::min_element(
      found.begin(), found.end(), [&](const Found& a, const Found& b) { return distance(a) < distance(b); });
  if (nearest == found.end() || distance(*nearest) > std::max(lesion.diameter_mm / 2, 3.0)) return;
  lesion.found = nearest->number;
  lesion.found_volume_mm3 = nearest->volume_mm3;
  lesion.distance_mm = distance(*nearest);
  found.erase(nearest);
}

LesionScore score(const nlohmann::json& truth, const nlohmann::json& result) {
  std::vector<Found> found;
  for (const auto& lesion : result.at("lesions"))
    found.push_back({lesion.at("id"), lesion.at("volume_mm3"), lesion.at("centroid_lps_mm")});
  LesionScore sum;
  for (const auto& lesion : truth.at("lesions")) {
    ScoredLesion scored;
    scored.number = lesion.at("number");
    scored.diameter_mm = lesion.at("diameter_mm");
    scored.volume_mm3 = lesion.at("volume_mm3");
    pair(scored, lesion.at("centroid_lps_mm"), found);
    sum.lesions.push_back(scored);
  }
  for (const Found& rest : found) sum.false_positives.push_back(rest.number);
  return sum;
}

}  // namespace

LesionScore score_lesions(const std::filesystem::path& truth_json,
                          const std::filesystem::path& lesions_json) {
  const nlohmann::json truth = read_json(truth_json);
  const nlohmann::json result = read_json(lesions_json);
  try {
    return score(truth, result);
  } catch (const nlohmann::json::exception& e) {
    throw dicom::Error(dicom::Error::Kind::bad_input,
                       truth_json.string() + " and " + lesions_json.string() + " do not fit: " + e.what());
  }
}

std::string to_table(const LesionScore& score) {
  std::string text = "true  diameter mm  volume mm3   found  volume mm3  apart mm\n";
  std::array<char, 120> line{};
  std::size_t hits = 0;
  for (const ScoredLesion& lesion : score.lesions) {
    std::snprintf(line.data(), line.size(), "%4d  %11.1f  %10.0f", lesion.number, lesion.diameter_mm,
                  lesion.volume_mm3);
    text += line.data();
    if (lesion.found) {
      std::snprintf(line.data(), line.size(), "   %5d  %10.0f  %8.1f\n", *lesion.found,
                    lesion.found_volume_mm3, lesion.distance_mm);
      text += line.data();
      ++hits;
    } else {
      text += "       -  missed\n";
    }
  }
  std::snprintf(line.data(), line.size(), "%zu of %zu true lesions found, %zu found that are none\n", hits,
                score.lesions.size(), score.false_positives.size());
  return text + line.data();
}

}  // namespace metserve::pipeline
