#include "models/study_sets.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "models/error.h"

namespace metserve::models {
namespace {

const std::string& patient_of(const Study& study) {
  return study.patient.empty() ? study.name : study.patient;
}

/// Every eighth of those with lesions and of those without; the last with lesions where they are fewer.
std::set<std::string> kept_for_validation(const std::map<std::string, bool>& has_lesion_by_patient) {
  constexpr std::size_t every = 8;
  const auto lesions =
      static_cast<std::size_t>(std::count_if(has_lesion_by_patient.begin(), has_lesion_by_patient.end(),
                                             [](const auto& patient) { return patient.second; }));
  if (lesions < 2)
    throw Error(Error::Kind::bad_input,
                std::to_string(lesions) +
                    " patients with lesions are there, two are needed: give more, or studies for validation");
  std::set<std::string> kept;
  std::size_t with = 0, without = 0;
  for (const auto& [patient, lesion] : has_lesion_by_patient) {
    const std::size_t number = lesion ? ++with : ++without;
    if (number % every == 0 || (lesion && lesions < every && number == lesions)) kept.insert(patient);
  }
  return kept;
}

/// Patients who have studies in both sets and, of studies without one, those that are in both, by name.
std::set<std::string> in_both(const StudySets& sets) {
  const auto whose = [](const Study& study) { return study.patient.empty() ? study.origin : study.patient; };
  std::set<std::string> trained_on, names;
  for (const Study& study : sets.training) trained_on.insert(whose(study));
  trained_on.erase("");
  for (const Study& study : sets.validation)
    if (trained_on.contains(whose(study))) names.insert(patient_of(study));
  return names;
}

}  // namespace

StudySets split_by_patient(std::vector<Study> studies) {
  std::map<std::string, bool> has_lesion_by_patient;
  for (const Study& study : studies) has_lesion_by_patient[patient_of(study)] |= has_lesion(study);
  const std::set<std::string> kept = kept_for_validation(has_lesion_by_patient);
  StudySets sets;
  for (Study& study : studies)
    (kept.contains(patient_of(study)) ? sets.validation : sets.training).push_back(std::move(study));
  return sets;
}

StudySets read_study_sets(const std::filesystem::path& data,
                          const std::optional<std::filesystem::path>& validation, const ClaheOptions& clahe) {
  std::vector<Study> studies = read_studies(data, clahe);
  if (validation) return {std::move(studies), read_studies(*validation, clahe)};
  try {
    return split_by_patient(std::move(studies));
  } catch (const Error& error) {
    throw Error(error.kind(), data.string() + ": " + error.what());
  }
}

std::string describe(const StudySets& sets) {
  std::string text = std::to_string(sets.training.size()) + " studies to train on, " +
                     std::to_string(sets.validation.size()) + " to validate on\n";
  for (const std::string& name : in_both(sets))
    text += name + " is trained on and validated on: the score is too high\n";
  return text;
}

}  // namespace metserve::models
