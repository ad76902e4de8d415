#include "pipeline/follow_up.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <optional>
#include <set>

#include "dicom/error.h"
#include "dicom/patient.h"
#include "pipeline/error.h"
#include "pipeline/follow_up_earlier.h"
#include "pipeline/follow_up_groups.h"
#include "pipeline/segment_study.h"

namespace metserve::pipeline {
namespace {

std::string change_of(double before_mm3, double now_mm3, const FollowUpOptions& options) {
  const double change = now_mm3 - before_mm3;
  if (std::abs(change) < options.changed_mm3 || std::abs(change) < options.changed_percent / 100 * before_mm3)
    return "stable";
  return change > 0 ? "grown" : "shrunk";
}

/// What lesions did other than grow or shrink, for a group of which one keeps the identity `kept`.
std::string remark_on(const LesionGroup& group, std::optional<std::size_t> kept,
                      const std::vector<EarlierLesion>& before) {
  if (std::any_of(group.before.begin(), group.before.end(),
                  [&](std::size_t n) { return !before[n].seen.whole(); }))
    return "partly outside the images of this study";
  if (group.before.size() == 1 && group.now.size() == 1) return {};
  std::string names;
  for (const std::size_t n : group.before)
    if (kept != n) names += (names.empty() ? "" : ", ") + before[n].name;
  if (!kept) return "part of what was " + names;
  std::string remark = group.now.size() > 1 ? "now in " + std::to_string(group.now.size()) + " parts" : "";
  if (!names.empty()) remark += (remark.empty() ? "merged with " : ", merged with ") + names;
  return remark;
}

int last_number(const std::vector<EarlierLesion>& lesions) {
  int last = 0;
  for (const EarlierLesion& lesion : lesions) last = std::max(last, lesion.number);
  return last;
}

/// Histories, and the numbers and UIDs that lesions keep.
void describe_groups(LesionMap& map, const LesionLinks& links, const std::vector<EarlierLesion>& before,
                     const FollowUpOptions& options) {
  for (const LesionGroup& group : links.groups) {
    double now_mm3 = 0, before_mm3 = 0;
    for (const std::size_t n : group.now) now_mm3 += map.lesions[n].volume_mm3;
    for (const std::size_t n : group.before) before_mm3 += before[n].volume_mm3;
    for (const std::size_t n : group.now) {
      Lesion& lesion = map.lesions[n];
      lesion.number = 0;
      if (group.before.empty()) {
        lesion.history = {"new", 0, 0, {}};
        continue;
      }
      const auto kept = links.identity[n];
      lesion.history = {change_of(before_mm3, now_mm3, options), before_mm3, 100 * (now_mm3 / before_mm3 - 1),
                        remark_on(group, kept, before)};
      if (!kept) continue;
      lesion.number = before[*kept].number;
      lesion.tracking_uid = before[*kept].tracking_uid;
    }
  }
}

/// Numbers those that have none after the last one, whoever has it, by falling volume, and puts all into the
/// order of numbers.
void renumber(LesionMap& map, int last) {
  for (const Lesion& lesion : map.lesions) last = std::max(last, lesion.number);
  for (Lesion& lesion : map.lesions)
    if (lesion.number == 0) lesion.number = ++last;
  std::vector<std::size_t> order(map.lesions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return map.lesions[a].number < map.lesions[b].number; });
  std::vector<std::uint16_t> label(order.size() + 1, 0);
  std::vector<Lesion> sorted;
  for (const std::size_t n : order) {
    sorted.push_back(map.lesions[n]);
    label[n + 1] = static_cast<std::uint16_t>(sorted.size());
  }
  map.lesions = std::move(sorted);
  for (std::uint16_t& value : map.labels) value = label[value];
}

std::string sentence_on(const Lesion& lesion) {
  const dicom::LesionHistory& history = *lesion.history;
  std::array<char, 160> text{};
  const double together_mm3 = history.prior_volume_mm3 * (1 + history.volume_change_percent / 100);
  if (history.prior_volume_mm3 > 0 && together_mm3 > lesion.volume_mm3 * 1.001)
    std::snprintf(text.data(), text.size(), ": %s, %.0f mm3, all parts %.0f mm3, before %.0f mm3 (%+.0f %%)",
                  history.change.c_str(), lesion.volume_mm3, together_mm3, history.prior_volume_mm3,
                  history.volume_change_percent);
  else if (history.prior_volume_mm3 > 0)
    std::snprintf(text.data(), text.size(), ": %s, %.0f mm3, before %.0f mm3 (%+.0f %%)",
                  history.change.c_str(), lesion.volume_mm3, history.prior_volume_mm3,
                  history.volume_change_percent);
  else
    std::snprintf(text.data(), text.size(), ": %s, %.0f mm3", history.change.c_str(), lesion.volume_mm3);
  return dicom::lesion_name(lesion.number) + text.data() +
         (history.remark.empty() ? "" : ", " + history.remark);
}

models::SlotSet sequences_of(const dicom::ReadSegmentation& earlier) {
  models::SlotSet sequences;
  for (const models::Slot slot : models::all_slots)
    sequences.set(models::index(slot), earlier.sequences_used.contains(std::string(models::name(slot))));
  return sequences;
}

/// Whether the result's model saw what found the earlier lesions; a warning where that was anything else.
bool would_find(StudyResult& result, const dicom::ReadSegmentation& earlier) {
  const std::string consequence = ": lesions can be new, or not found, for that reason alone";
  if (earlier.weights_sha256 != result.model.weights_sha256) {
    result.warnings.push_back("the earlier study was segmented by " +
                              (earlier.algorithm.empty() ? "what it does not name" : earlier.algorithm) +
                              ", this one by " + result.model.name + " " + result.model.version +
                              consequence);
    return false;
  }
  const models::SlotSet before = sequences_of(earlier);
  if (before != result.subset)
    result.warnings.push_back("the earlier study was segmented from " + models::names(before) +
                              ", this one from " + models::names(result.subset) + consequence);
  return (before & ~result.subset).none();
}

/// The series that the earlier segmentation was drawn on: of several parts (echoes, stacks) that with most of
/// the images that it names.
dicom::LoadedSeries load_earlier_series(const dicom::ReadSegmentation& earlier, const EarlierStudy& study) {
  const dicom::Study scanned = dicom::scan_study(study.images);
  const auto named = [&earlier](const dicom::Series& series) {
    if (series.header.series_instance_uid != earlier.source_series_uid) return std::ptrdiff_t{-1};
    return std::count_if(series.instances.begin(), series.instances.end(), [&](const auto& instance) {
      return earlier.source_sop_instance_uids.contains(instance.sop_instance_uid);
    });
  };
  const auto source = std::max_element(scanned.series.begin(), scanned.series.end(),
                                       [&](const auto& a, const auto& b) { return named(a) < named(b); });
  if (source == scanned.series.end() || named(*source) < 0)
    throw dicom::Error(dicom::Error::Kind::bad_input,
                       study.images.front().parent_path().string() + ": no images of series " +
                           earlier.source_series_uid + ", which the earlier segmentation was drawn on");
  return dicom::load_series(*source);
}

}  // namespace

std::vector<std::string> sentences_of(const FollowUp& follow_up, const std::vector<Lesion>& lesions) {
  std::vector<std::string> sentences{follow_up.how};
  for (const Lesion& lesion : lesions) sentences.push_back(sentence_on(lesion));
  sentences.insert(sentences.end(), follow_up.gone.begin(), follow_up.gone.end());
  return sentences;
}

FollowUp compare_lesions(LesionMap& map, const dicom::VolumeGeometry& grid,
                         const dicom::ReadSegmentation& earlier, const RigidTransform& to_earlier,
                         const FollowUpOptions& options, bool alike) {
  auto before = earlier_lesions(earlier);
  const auto seen = seen_within(grid, earlier.labels, before.size(), earlier.geometry, to_earlier.inverse());
  for (std::size_t n = 0; n < before.size(); ++n) before[n].seen = seen[n];
  const LesionLinks links = link_lesions(map, grid, earlier, to_earlier, options.tolerance_mm);
  describe_groups(map, links, before, options);
  FollowUp result{.segmentation_uid = earlier.reference.sop_instance_uid,
                  .study_date = earlier.study_date,
                  .last_number = last_number(before)};
  renumber(map, result.last_number);
  for (const LesionGroup& group : links.groups) {
    if (!group.now.empty()) continue;
    for (const std::size_t n : group.before) {
      const EarlierLesion& lesion = before[n];
      if (lesion.volume_mm3 == 0) continue;  // a segment without voxels was no lesion
      if (!lesion.seen.whole()) {
        result.gone.push_back(lesion.name + ": not within the images of this study");
        continue;
      }
      if (lesion.seen.voxels == 0) {
        result.gone.push_back(lesion.name + ": covered by another segment of the earlier segmentation");
        continue;
      }
      if (alike)
        result.resolved.push_back({lesion.number, lesion.name, lesion.tracking_uid, lesion.volume_mm3});
      std::array<char, 60> text{};
      std::snprintf(text.data(), text.size(), ": %s, before %.0f mm3", alike ? "resolved" : "not found",
                    lesion.volume_mm3);
      result.gone.push_back(lesion.name + text.data());
    }
  }
  return result;
}

void remark_on_unseen(LesionMap& map, const dicom::VolumeGeometry& grid,
                      const dicom::VolumeGeometry& earlier_images, const RigidTransform& to_earlier) {
  const auto seen = seen_within(earlier_images, map.labels, map.lesions.size(), grid, to_earlier);
  for (std::size_t n = 0; n < map.lesions.size(); ++n) {
    auto& history = map.lesions[n].history;
    if (!history || seen[n].whole()) continue;
    if (!history->remark.empty()) history->remark += ", ";
    history->remark += (seen[n].within == 0 ? "not within" : "partly outside") +
                       std::string(" the images of the earlier study");
  }
}

void keep_identities(LesionMap& map, const dicom::VolumeGeometry& grid,
                     const dicom::ReadSegmentation& superseded, const RigidTransform& to_superseded,
                     double tolerance_mm, int reserved) {
  const auto before = earlier_lesions(superseded);
  const LesionLinks links = link_lesions(map, grid, superseded, to_superseded, tolerance_mm);
  std::set<int> taken;
  const auto is_earlier = [reserved](const Lesion& lesion) { return lesion.number <= reserved; };
  for (const Lesion& lesion : map.lesions)
    if (is_earlier(lesion)) taken.insert(lesion.number);
  for (std::size_t n = 0; n < map.lesions.size(); ++n) {
    Lesion& lesion = map.lesions[n];
    const auto kept = links.identity[n];
    if (is_earlier(lesion)) {  // of another program's segmentation maybe without a UID of its own
      const bool same = kept && before[*kept].number == lesion.number;
      if (lesion.tracking_uid.empty() && same) lesion.tracking_uid = before[*kept].tracking_uid;
      continue;
    }
    lesion.number = 0;
    if (!kept || before[*kept].number <= reserved || !taken.insert(before[*kept].number).second) continue;
    lesion.number = before[*kept].number;
    lesion.tracking_uid = before[*kept].tracking_uid;
  }
  renumber(map, std::max(reserved, last_number(before)));
}

void compare_with_earlier(StudyResult& result, const EarlierStudy& study, const FollowUpOptions& options) {
  const dicom::ReadSegmentation earlier = dicom::read_segmentation(study.segmentation);
  if (earlier.patient_id != dicom::study_of_patient(result.reference.first_file).patient_id)
    result.warnings.push_back("the earlier segmentation has another patient ID");
  std::string how = "compared with segmentation " + earlier.reference.sop_instance_uid + " of the study of " +
                    (earlier.study_date.empty() ? "an unknown date" : earlier.study_date);
  RigidTransform to_earlier;
  std::optional<dicom::VolumeGeometry> earlier_images;
  if (earlier.frame_of_reference_uid == result.reference.header.frame_of_reference_uid) {
    how += ", in the same frame of reference";
  } else {
    const dicom::LoadedSeries series = load_earlier_series(earlier, study);
    const Registration registration =
        register_rigid(result.reference.volume, series.volume, RegistrationOptions{});
    if (!registration.accepted) {
      result.warnings.push_back("not compared with the earlier study: not registered: " +
                                registration.reason);
      return;
    }
    to_earlier = registration.fixed_to_moving;
    earlier_images = series.volume.geometry;
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), ", registered: %.1f degrees, %.1f mm", to_earlier.rotation_deg(),
                  registration.displacement_mm);
    how += text.data();
  }
  const bool alike = would_find(result, earlier);
  const dicom::VolumeGeometry& grid = result.reference.volume.geometry;
  result.follow_up = compare_lesions(result.lesions, grid, earlier, to_earlier, options, alike);
  if (earlier_images) remark_on_unseen(result.lesions, grid, *earlier_images, to_earlier);
  result.follow_up->how = how;
}

void compare_with_no_lesions(StudyResult& result, const std::string& study_date) {
  result.follow_up = {.study_date = study_date,
                      .how = "compared with the study of " + study_date + ", in which no lesion was found"};
  for (Lesion& lesion : result.lesions.lesions) lesion.history = {"new", 0, 0, {}};
}

}  // namespace metserve::pipeline
