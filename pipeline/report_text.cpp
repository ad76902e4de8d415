#include "pipeline/report_text.h"

#include <array>
#include <cstdio>

namespace metserve::pipeline {
namespace {

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 300> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

}  // namespace

std::vector<std::string> registration_quality(const StudyResult& result) {
  std::vector<std::string> sentences;
  for (std::size_t n = 1; n < result.registrations.size(); ++n) {  // the first is the reference
    const auto& [slot, registration, series_uid] = result.registrations[n];
    sentences.push_back(
        std::string(models::name(slot)) + " to " + std::string(models::name(result.registrations[0].slot)) +
        formatted(
            ": %.1f degrees, %.1f mm; mutual information %.3f nats, %.3f before, %.3f above that nearby; "
            "%.0f %% of the head in both images; ",
            registration.fixed_to_moving.rotation_deg(), registration.displacement_mm,
            registration.mutual_information, registration.initial_mutual_information,
            registration.distinctness, 100 * registration.overlap) +
        (registration.accepted ? "accepted" : "not accepted: " + registration.reason));
  }
  return sentences;
}

std::string expected_performance(const StudyResult& result) {
  const std::string sequences = models::names(result.subset);
  const auto expected = result.model.expected.find(models::key(result.subset));
  if (expected == result.model.expected.end())
    return "not measured for " + sequences + ": the model's card gives no figures for these sequences";
  const models::ExpectedFigures& figures = expected->second;
  return "for " + sequences + ", on the test set that the model's card describes: " +
         formatted("Dice %.2f, %.0f %% of lesions of 5 mm or more found, %.1f false positives per study",
                   figures.dice, 100 * figures.sensitivity_5mm, figures.false_positives);
}

}  // namespace metserve::pipeline
