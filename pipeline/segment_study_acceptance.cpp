#include "pipeline/segment_study_acceptance.h"

#include "pipeline/error.h"

namespace metserve::pipeline {

namespace {

using models::Slot;

std::string series_text(const dicom::SeriesHeader& header) {
  const std::string number =
      header.series_number ? std::to_string(*header.series_number) : header.series_instance_uid;
  return "series " + number + " '" + header.series_description + "'";
}

std::string joined(models::SlotSet slots) {
  std::string text;
  for (const Slot slot : models::all_slots)
    if (slots.test(models::index(slot))) {
      if (!text.empty()) text += ", ";
      text += models::name(slot);
    }
  return text.empty() ? "none" : text;
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

}  // namespace

std::string describe(Slot slot, const dicom::SeriesHeader& header) {
  return std::string(models::name(slot)) + ": " + series_text(header);
}

void require_unambiguous(const dicom::Study& study, const StudyMatch& match) {
  std::string text;
  for (const SeriesMatch& series : match.series)
    if (series.decision == Decision::ambiguous) {
      text += (text.empty() ? "" : "; ") + series_text(study.series[series.series].header);
      if (!series.reasons.empty()) text += ": " + series.reasons.front();
    }
  if (!text.empty())
    throw Error(Error::Kind::ambiguous,
                "study " + study.study_instance_uid + ": a person has to decide about " + text);
}

void require_one_patient(const dicom::Study& study, const StudyMatch& match) {
  const dicom::SeriesHeader* first = nullptr;
  for (const Slot slot : models::all_slots) {
    const auto filling = match.filling(slot);
    if (!filling) continue;
    const dicom::SeriesHeader& header = study.series[*filling].header;
    if (header.patient_id.empty()) continue;
    if (first == nullptr) first = &header;
    if (header.patient_id != first->patient_id)
      throw Error(Error::Kind::ambiguous, "study " + study.study_instance_uid + ": the images of " +
                                              series_text(*first) + " and of " + series_text(header) +
                                              " bear different patient IDs: correct them in the archive, "
                                              "delete the study here and send it again");
  }
}

void require_accepted(models::SlotSet subset, const AcceptancePolicy& policy,
                      const std::vector<std::string>& left_out) {
  const std::string lacking = missing(subset, policy);
  if (lacking.empty()) return;
  std::string text = "sequences that can be used: " + joined(subset) + "; the policy asks for " + lacking;
  for (const std::string& sentence : left_out) text += "; " + sentence;
  throw Error(Error::Kind::not_accepted, text);
}

}  // namespace metserve::pipeline
