#include "pipeline/segment_study_acceptance.h"

#include "pipeline/error.h"

namespace metserve::pipeline {

namespace {

using models::Slot;

/// For the log as well: without the UID and without text that a person entered.
std::string numbered(const dicom::SeriesHeader& header) {
  return header.series_number ? "series " + std::to_string(*header.series_number) : "a series without number";
}

std::string listed(models::SlotSet slots) {
  return slots.none() ? "none" : models::names(slots, ", ");
}

/// What the policy asks for and the subset has not, or an empty text.
std::string missing(models::SlotSet subset, const AcceptancePolicy& policy) {
  for (const Slot slot : policy.required)
    if (!subset.test(models::index(slot))) return std::string(models::name(slot));
  const bool post_gd =
      subset.test(models::index(Slot::t1_gre_post)) || subset.test(models::index(Slot::t1_se_post));
  if (policy.require_post_gd_t1 && !post_gd) return "a post-Gd T1 (BRAVO or CUBE post)";
  return subset.none() ? "at least one sequence" : "";
}

/// Whether both say who the patient is, and say different things.
bool contradict(const std::string& one, const std::string& other) {
  return !one.empty() && !other.empty() && one != other;
}

bool contradict(const dicom::SeriesHeader& one, const dicom::SeriesHeader& other) {
  for (const dicom::PatientIdentity& a : one.patients)
    for (const dicom::PatientIdentity& b : other.patients)
      if (contradict(a.id, b.id) || contradict(a.issuer, b.issuer) || contradict(a.birth_date, b.birth_date))
        return true;
  return false;
}

[[noreturn]] void throw_two_patients(const std::string& whose) {
  throw Error(Error::Kind::ambiguous,
              "the images of " + whose +
                  " bear different patients (ID, its issuer or birth date): correct them in the archive, "
                  "delete the study here and send it again");
}

}  // namespace

std::string describe(const dicom::SeriesHeader& header) {
  const std::string number =
      header.series_number ? std::to_string(*header.series_number) : header.series_instance_uid;
  return "series " + number + " '" + header.series_description + "'";
}

std::string describe(Slot slot, const dicom::SeriesHeader& header) {
  return std::string(models::name(slot)) + ": " + describe(header);
}

void require_unambiguous(const dicom::Study& study, const StudyMatch& match) {
  std::string text;
  for (const SeriesMatch& series : match.series)
    if (series.decision == Decision::ambiguous) {
      text += (text.empty() ? "" : "; ") + numbered(study.series[series.series].header);
      if (!series.reasons.empty()) text += ": " + series.reasons.front();
    }
  if (!text.empty()) throw Error(Error::Kind::ambiguous, "a person has to decide about " + text);
}

void require_one_patient(const dicom::Study& study, const StudyMatch& match) {
  std::vector<const dicom::SeriesHeader*> used;
  for (const Slot slot : models::all_slots)
    if (const auto filling = match.filling(slot)) used.push_back(&study.series[*filling].header);
  for (const dicom::SeriesHeader* header : used) {
    if (header->patients.size() > 1) throw_two_patients(numbered(*header));
    for (const dicom::SeriesHeader* other : used)
      if (contradict(*header, *other)) throw_two_patients(numbered(*header) + " and of " + numbered(*other));
  }
}

void require_accepted(models::SlotSet subset, const AcceptancePolicy& policy,
                      const std::vector<std::string>& left_out) {
  const std::string lacking = missing(subset, policy);
  if (lacking.empty()) return;
  const std::string told =
      "sequences that can be used: " + listed(subset) + "; the policy asks for " + lacking;
  std::string text = told;
  for (const std::string& sentence : left_out) text += "; " + sentence;
  throw Error(Error::Kind::not_accepted, text, told);
}

void require_enough_for(const models::NetworkConfig& network, models::SlotSet subset) {
  const models::SlotSet lacking = models::needed_sequences(network) & ~subset;
  if (lacking.any())
    throw Error(Error::Kind::not_accepted, "sequences that can be used: " + listed(subset) +
                                               "; the model's network cannot do without " + listed(lacking));
}

std::string warning_of_missing(const models::NetworkConfig& network, models::SlotSet subset) {
  const models::SlotSet missing = network.subset & ~subset;
  if (network.dropout || missing.none()) return "";
  return "the model was trained with " + listed(missing) +
         " in every study, which is missing here: lesions can be missed, see the model card";
}

}  // namespace metserve::pipeline
