#include "pipeline/match_choice.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "pipeline/match_contrast.h"
#include "pipeline/match_dixon.h"
#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;

bool is_2d(SequenceKind kind) {
  return kind == SequenceKind::flair_2d || kind == SequenceKind::t1_se_2d;
}

bool has_type(const SeriesHeader& header, std::string_view value) {
  return std::any_of(header.image_type.begin(), header.image_type.end(),
                     [&](const std::string& part) { return upper(part) == value; });
}

/// Whether they share no slice, as the parts of one head that a scanner stored as two series.
bool are_apart(const SeriesHeader& a, const SeriesHeader& b) {
  if (!a.first_slice_mm || !b.first_slice_mm || a.frame_of_reference_uid.empty() ||
      a.frame_of_reference_uid != b.frame_of_reference_uid)
    return false;
  const auto end_mm = [](const SeriesHeader& h) {
    return *h.first_slice_mm + (h.images - 0.5) * h.slice_spacing_mm.value_or(0);
  };
  return end_mm(a) < *b.first_slice_mm || end_mm(b) < *a.first_slice_mm;
}

/// How far a reconstruction is corrected: water before in phase, then intensity, then distortion in three, in
/// two dimensions.
int correction(const SeriesHeader& header) {
  const bool unprocessed = Words(header.series_description).any("orig");  // GE's copy from before filtering
  const int distortion = has_type(header, "DIS3D") ? 2 : has_type(header, "DIS2D") ? 1 : 0;
  const bool water = dixon_of(header) == Dixon::water;
  return (water ? 20 : 0) + (unprocessed ? 0 : 10) + (has_type(header, "NORM") ? 5 : 0) + distortion;
}

/// The plane of most 2D candidates: sections of one examination are laid alike. Ties: axial.
std::string main_plane(const dicom::Study& study, const std::vector<KindMatch>& kinds) {
  std::map<std::string, int> count;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (kinds[i].kind && is_2d(*kinds[i].kind)) ++count[study.series[i].header.plane];
  std::string best = "AX";
  for (const auto& [plane, n] : count)
    if (n > count[best]) best = plane;
  return best;
}

class Chooser {
 public:
  Chooser(const dicom::Study& study, const std::vector<KindMatch>& kinds, StudyMatch& match)
      : study_(study), kinds_(kinds), match_(match), main_plane_(main_plane(study, kinds)) {}

  void fill(models::Slot slot) {
    std::vector<std::size_t> used = candidates(slot, Decision::used);
    std::vector<std::size_t> open = candidates(slot, Decision::ambiguous);
    if (!used.empty()) {
      const std::size_t best = best_of(used);
      if (!prevails(best, used)) return;
      match_.subset.set(models::index(slot));
      for (const std::size_t i : open)
        reject(i, text(best) + " fills the slot and is certain, this one is not");
    } else if (open.size() > 1) {
      const std::size_t best = best_of(open);
      for (const std::size_t i : open)
        if (i != best && repeats(i, best)) give_way(i, best);
    }
  }

 private:
  std::vector<std::size_t> candidates(models::Slot slot, Decision decision) const {
    std::vector<std::size_t> found;
    for (const SeriesMatch& m : match_.series)
      if (m.slot == slot && m.decision == decision) found.push_back(m.series);
    return found;
  }

  const SeriesHeader& header(std::size_t i) const { return study_.series[i].header; }

  std::string text(std::size_t i) const {
    return "series " +
           (header(i).series_number ? std::to_string(*header(i).series_number)
                                    : header(i).series_instance_uid) +
           " '" + header(i).series_description + "'";
  }

  /// Not broken off. A matter between repeats only: other protocols have other numbers of slices.
  bool is_complete(std::size_t i, const std::vector<std::size_t>& candidates) const {
    return std::all_of(candidates.begin(), candidates.end(), [&](std::size_t other) {
      return !repeats(i, other) || header(i).images >= 0.9 * header(other).images;
    });
  }

  /// As much of the head as any other: a slab, however late, does not stand for the brain.
  bool covers(std::size_t i, const std::vector<std::size_t>& candidates) const {
    return std::all_of(candidates.begin(), candidates.end(),
                       [&](std::size_t other) { return covers_as_much(header(i), header(other)); });
  }

  /// Better is greater. Excluded by its type is only what a rule of the site made a candidate.
  auto rank(std::size_t i, const std::vector<std::size_t>& candidates) const {
    const bool flat = is_2d(*kinds_[i].kind);
    const double time_s = std::floor(header(i).acquisition_time_s.value_or(0));
    return std::tuple(kinds_[i].by_site, !excluded_by_image_type(header(i)), covers(i, candidates), !flat,
                      !flat || header(i).plane == main_plane_, is_complete(i, candidates), time_s,
                      correction(header(i)), match_.series[i].confidence,
                      header(i).series_number.value_or(0));
  }

  std::size_t best_of(const std::vector<std::size_t>& candidates) const {
    return *std::max_element(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
      return rank(a, candidates) < rank(b, candidates);
    });
  }

  bool repeats(std::size_t a, std::size_t b) const {
    return is_same_protocol(a, b) && !are_apart(header(a), header(b));
  }

  bool is_same_protocol(std::size_t a, std::size_t b) const {
    return kinds_[a].kind == kinds_[b].kind && same_parameters(header(a), header(b));
  }

  /// Makes the others give way to the best. Where it holds a part of the head and others of its protocol the
  /// rest, they are left open with it, and it does not fill the slot.
  bool prevails(std::size_t best, const std::vector<std::size_t>& candidates) {
    std::optional<std::size_t> other;
    for (const std::size_t i : candidates) {
      if (i == best) continue;
      if (!is_same_protocol(i, best) || !are_apart(header(i), header(best))) {
        give_way(i, best);
      } else {
        leave_open(i, best);
        other = i;
      }
    }
    if (other) leave_open(best, *other);
    return !other;
  }

  void leave_open(std::size_t i, std::size_t other) {
    SeriesMatch& m = match_.series[i];
    m.decision = Decision::ambiguous;
    m.confidence = 0.4;
    m.reasons.insert(m.reasons.begin(),
                     "covers a part of the head; " + text(other) + ", of the same protocol, covers the rest");
  }

  void give_way(std::size_t i, std::size_t best) {
    if (!repeats(i, best)) {
      const bool other_plane = is_2d(*kinds_[i].kind) && header(i).plane != header(best).plane;
      if (!covers_as_much(header(i), header(best)))
        return reject(i, "covers less of the head than " + text(best) + ", which is used");
      reject(i, other_plane ? "thick slices in another plane (" + header(i).plane + ") than " + text(best) +
                                  " (" + header(best).plane + "), which is used"
                            : text(best) + " fills the slot better: " +
                                  std::string(to_string(*kinds_[best].kind)) + ", " + header(best).plane);
      return;
    }
    SeriesMatch& m = match_.series[i];
    m.decision = Decision::duplicate;
    const bool same_run = header(i).acquisition_time_s == header(best).acquisition_time_s;
    m.reasons.insert(m.reasons.begin(),
                     same_run ? "another reconstruction of " + text(best) : "repeated as " + text(best));
  }

  void reject(std::size_t i, std::string reason) {
    SeriesMatch& m = match_.series[i];
    m.slot.reset();
    m.decision = Decision::rejected;
    m.reasons.insert(m.reasons.begin(), std::move(reason));
  }

  const dicom::Study& study_;
  const std::vector<KindMatch>& kinds_;
  StudyMatch& match_;
  std::string main_plane_;
};

}  // namespace

void choose(const dicom::Study& study, const std::vector<KindMatch>& kinds, StudyMatch& match) {
  Chooser chooser(study, kinds, match);
  for (const models::Slot slot : models::all_slots) chooser.fill(slot);
}

}  // namespace metserve::pipeline
