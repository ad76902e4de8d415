#include "pipeline/match.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "pipeline/match_choice.h"
#include "pipeline/match_contrast.h"
#include "pipeline/match_kind.h"
#include "pipeline/match_rules.h"

namespace metserve::pipeline {
namespace {

using models::Slot;

/// Slot and decision of one series, before it is compared with others.
struct Placement {
  std::optional<Slot> slot;
  Decision decision = Decision::rejected;
  double confidence = 0;
  std::string reason;  ///< empty where the evidence speaks for itself
};

Placement place(SequenceKind kind, double kind_confidence, const ContrastMatch& contrast) {
  const double both = std::min(kind_confidence, contrast.confidence);
  switch (kind) {
    case SequenceKind::flair_3d:
    case SequenceKind::flair_2d:
      return {Slot::flair, Decision::used, kind_confidence, {}};
    case SequenceKind::t1_ir_gre:
      if (contrast.state == Contrast::post) return {Slot::t1_gre_post, Decision::used, both, {}};
      if (contrast.state == Contrast::pre)
        return {std::nullopt, Decision::rejected, both,
                "acquired before the contrast agent: no slot takes a pre-contrast gradient echo"};
      return {Slot::t1_gre_post, Decision::ambiguous, 0.4,
              "nothing tells whether it was acquired before or after the contrast agent"};
    case SequenceKind::t1_tse_3d:
    case SequenceKind::t1_se_2d:
      if (contrast.state == Contrast::post) return {Slot::t1_se_post, Decision::used, both, {}};
      if (contrast.state == Contrast::pre) return {Slot::t1_se_pre, Decision::used, both, {}};
      return {std::nullopt, Decision::ambiguous, 0.4,
              "nothing tells whether it was acquired before or after the contrast agent"};
  }
  return {};
}

SeriesMatch match_series(std::size_t index, const KindMatch& kind, const ContrastMatch& contrast,
                         double minimum_confidence) {
  SeriesMatch match;
  match.series = index;
  match.contrast = contrast.state;
  match.reasons = kind.reasons;
  match.confidence = kind.confidence;
  if (kind.kind) {
    Placement placement = place(*kind.kind, kind.confidence, contrast);
    if (placement.decision == Decision::used && placement.confidence < minimum_confidence) {
      placement.decision = Decision::ambiguous;
      placement.reason = "too uncertain to be used";
    }
    match.slot = placement.slot;
    match.decision = placement.decision;
    match.confidence = placement.confidence;
    if (!placement.reason.empty()) match.reasons.insert(match.reasons.begin(), placement.reason);
  }
  match.reasons.insert(match.reasons.end(), contrast.reasons.begin(), contrast.reasons.end());
  return match;
}

/// What the person decided about this series, or null.
const std::optional<Slot>* decision_on(const dicom::Study& study, const SeriesDecisions& decided,
                                       const SeriesMatch& series) {
  const auto found = decided.find(study.series[series.series].header.series_instance_uid);
  return found == decided.end() ? nullptr : &found->second;
}

/// The part of a series that a person means by naming it: one that might be used, else the largest volume.
std::size_t part_meant(const dicom::Study& study, const std::string& series_uid,
                       const MatchOptions& options) {
  std::tuple<bool, bool, int> best_rank{false, false, -1};
  std::size_t best = 0;
  for (std::size_t i = 0; i < study.series.size(); ++i) {
    const dicom::SeriesHeader& header = study.series[i].header;
    if (header.series_instance_uid != series_uid) continue;
    const std::tuple rank{!exclusion(header, options), !unusable(header, options), header.images};
    if (rank > best_rank) best_rank = rank, best = i;
  }
  return best;
}

/// Takes series that a person decided about, and slots that a person filled, out of the choice.
void withdraw_decided(const dicom::Study& study, const SeriesDecisions& decided, StudyMatch& match) {
  models::SlotSet filled;
  for (const SeriesMatch& series : match.series) {
    const auto* decision = decision_on(study, decided, series);
    if (decision != nullptr && *decision) filled.set(models::index(**decision));
  }
  for (SeriesMatch& series : match.series) {
    const auto* decision = decision_on(study, decided, series);
    const bool is_taken = series.slot && filled.test(models::index(*series.slot));
    if (decision == nullptr && !is_taken) continue;
    series.slot.reset();
    series.decision = Decision::rejected;
    series.reasons.insert(series.reasons.begin(), decision != nullptr && !*decision
                                                      ? "a person decided that it fills no slot"
                                                      : "a person chose another series for its slot");
  }
}

/// A person's word is final: the series fills that slot whatever it looks like.
void seat_decided(const dicom::Study& study, const MatchOptions& options, StudyMatch& match) {
  for (SeriesMatch& series : match.series) {
    const auto* decision = decision_on(study, options.decided, series);
    if (decision == nullptr) continue;
    series.confidence = 1;
    if (!*decision) continue;
    const std::string& uid = study.series[series.series].header.series_instance_uid;
    if (series.series != part_meant(study, uid, options)) {
      series.reasons.front() = "another part of the series that a person chose";
    } else if (!match.filling(**decision)) {
      series.slot = *decision;
      series.decision = Decision::used;
      series.reasons.front() = "a person chose it for its slot";
      match.subset.set(models::index(**decision));
    }
  }
}

/// One series alone: what makes it unusable, then the site's rules, then what its headers say.
SeenSeries look_at(const dicom::SeriesHeader& header, const MatchOptions& options) {
  const auto none = [](const std::string& reason) { return KindMatch{std::nullopt, 0.95, {reason}}; };
  const ContrastMatch contrast = is_acquired(header) ? contrast_of(header) : ContrastMatch{};
  if (const auto reason = unusable(header, options)) return {none(*reason), contrast};
  if (auto ruled = apply_rules(options.rules, header)) return *std::move(ruled);
  if (const auto reason = exclusion(header, options)) return {none(*reason), contrast};
  return {classify(header), contrast};
}

/// A spin echo of unknown contrast leaves nothing open once both of its slots are filled.
void close_open_spin_echoes(StudyMatch& match) {
  const bool both = match.filling(Slot::t1_se_pre) && match.filling(Slot::t1_se_post);
  for (SeriesMatch& m : match.series)
    if (both && m.decision == Decision::ambiguous && !m.slot) {
      m.decision = Decision::rejected;
      m.reasons.insert(m.reasons.begin(), "both slots that it might fill are filled");
    }
}

}  // namespace

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::used:
      return "used";
    case Decision::duplicate:
      return "duplicate";
    case Decision::rejected:
      return "rejected";
    case Decision::ambiguous:
      return "ambiguous";
  }
  return "";
}

std::string_view to_string(Contrast contrast) {
  switch (contrast) {
    case Contrast::pre:
      return "pre";
    case Contrast::post:
      return "post";
    case Contrast::unknown:
      return "unknown";
  }
  return "";
}

std::optional<std::size_t> StudyMatch::filling(Slot slot) const {
  for (const SeriesMatch& m : series)
    if (m.slot == slot && m.decision == Decision::used) return m.series;
  return std::nullopt;
}

bool covers_as_much(const dicom::SeriesHeader& one, const dicom::SeriesHeader& other) {
  const auto covered_mm = [](const dicom::SeriesHeader& header) {
    constexpr double brain_mm = 120;
    return std::min(header.images * header.slice_spacing_mm.value_or(0), brain_mm);
  };
  return covered_mm(one) >= 0.9 * covered_mm(other);
}

std::array<Slot, models::slot_count> reference_order(const dicom::Study& study, const StudyMatch& match) {
  const auto covers_as_much_as_all = [&](const dicom::SeriesHeader& header) {
    return std::all_of(models::all_slots.begin(), models::all_slots.end(), [&](Slot slot) {
      const auto series = match.filling(slot);
      return !series || covers_as_much(header, study.series[*series].header);
    });
  };
  std::array<Slot, models::slot_count> order{Slot::t1_gre_post, Slot::t1_se_post, Slot::t1_se_pre,
                                             Slot::flair};
  std::stable_partition(order.begin(), order.end(), [&](Slot slot) {
    const auto series = match.filling(slot);
    if (!series) return false;
    const dicom::SeriesHeader& header = study.series[*series].header;
    return !header.frame_of_reference_uid.empty() && covers_as_much_as_all(header);
  });
  return order;
}

StudyMatch match_study(const dicom::Study& study, const MatchOptions& options) {
  std::vector<KindMatch> kinds;
  std::vector<ContrastMatch> contrasts;
  for (const dicom::Series& series : study.series) {
    SeenSeries seen = look_at(series.header, options);
    kinds.push_back(std::move(seen.kind));
    contrasts.push_back(std::move(seen.contrast));
  }
  settle_contrast_by_time(study, kinds, contrasts);

  StudyMatch match;
  for (std::size_t i = 0; i < study.series.size(); ++i)
    match.series.push_back(match_series(i, kinds[i], contrasts[i], options.minimum_confidence));
  withdraw_decided(study, options.decided, match);
  choose(study, kinds, match);
  seat_decided(study, options, match);
  close_open_spin_echoes(match);
  for (const Slot slot : reference_order(study, match))
    if (!match.reference) match.reference = match.filling(slot);
  return match;
}

}  // namespace metserve::pipeline
