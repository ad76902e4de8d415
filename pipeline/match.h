#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/study.h"
#include "models/slots.h"

namespace metserve::pipeline {

enum class Decision { used, duplicate, rejected, ambiguous };
enum class Contrast { pre, post, unknown };

std::string_view to_string(Decision decision);
std::string_view to_string(Contrast contrast);

/// What one series is, and why.
struct SeriesMatch {
  std::size_t series = 0;            ///< index into Study::series
  std::optional<models::Slot> slot;  ///< the slot that it fills, or would fill (duplicate, ambiguous)
  Decision decision = Decision::rejected;
  Contrast contrast = Contrast::unknown;
  double confidence = 0;             ///< 0..1, of the decision
  std::vector<std::string> reasons;  ///< evidence, strongest first
};

struct StudyMatch {
  std::vector<SeriesMatch> series;       ///< one per Study::series, same order
  models::SlotSet subset;                ///< slots filled by a series that is `used`
  std::optional<std::size_t> reference;  ///< index into Study::series, by reference_order()

  /// The series that fills `slot`, or nothing.
  std::optional<std::size_t> filling(models::Slot slot) const;
};

/// What a person decided about series, by Series Instance UID: the slot that one fills, or that it fills
/// none.
using SeriesDecisions = std::map<std::string, std::optional<models::Slot>>;

/// What a site says of its own series where their headers mislead. Patterns: `*` any text, `?` one character,
/// case and accents are alike; an empty one fits everything, at least one is given.
struct SiteRule {
  std::string description;           ///< of SeriesDescription (0008,103E)
  std::string protocol;              ///< of ProtocolName (0018,1030)
  std::string station;               ///< of StationName (0008,1010)
  std::optional<models::Slot> slot;  ///< what such a series fills; nothing: it is left out
};

struct MatchOptions {
  double minimum_confidence = 0.5;  ///< below it a series is ambiguous rather than used, 0..1
  int minimum_slices = 12;          ///< fewer images are a localizer or a fragment, >= 5
  SeriesDecisions decided;          ///< by a person, and final; series that are not there are passed over
  std::vector<SiteRule> rules;      ///< tried in order before anything else; the first that fits decides
};

/// Whether the slices of `one` reach over at least nine tenths of what those of `other` do. More than a brain
/// counts no further, so that 160 axial and 176 sagittal slices cover alike.
bool covers_as_much(const dicom::SeriesHeader& one, const dicom::SeriesHeader& other);

/// All slots, the best reference first: BRAVO, CUBE post, CUBE pre, FLAIR; then those whose series covers
/// less of the head than another one, or has no frame of reference that results could be in.
std::array<models::Slot, models::slot_count> reference_order(const dicom::Study& study,
                                                             const StudyMatch& match);

/// Physics first, then tokenised text, then timing; never guesses. Pure: headers in, decisions out.
StudyMatch match_study(const dicom::Study& study, const MatchOptions& options);

/// The stable JSON of `metserve match --json`.
std::string to_json(const dicom::Study& study, const StudyMatch& match);

/// The same for people: one line a series with its strongest reason, then the sequences that are there.
std::string to_table(const dicom::Study& study, const StudyMatch& match);

}  // namespace metserve::pipeline
