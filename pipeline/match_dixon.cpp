#include "pipeline/match_dixon.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;

/// Usage of the makers: GE DIXON\WATER, FAT, INPHASE, OUTPHASE; Siemens WATER, FAT, IN_PHASE, OPP_PHASE;
/// Philips W, F, IP, OP, and of enhanced images DIXON\WATER, FAT, FAT_FRACTION (dcm2niix issue 1022).
constexpr std::array<std::pair<std::string_view, Dixon>, 19> types{{
    {"W", Dixon::water},
    {"WATER", Dixon::water},
    {"IP", Dixon::in_phase},
    {"INPHASE", Dixon::in_phase},
    {"IN_PHASE", Dixon::in_phase},
    {"F", Dixon::other},
    {"FAT", Dixon::other},
    {"FF", Dixon::other},
    {"FAT_FRACTION", Dixon::other},
    {"FAT FRACTION", Dixon::other},
    {"WATER_FRACTION", Dixon::other},
    {"WATER FRACTION", Dixon::other},
    {"OP", Dixon::other},
    {"OUTPHASE", Dixon::other},
    {"OUT_PHASE", Dixon::other},
    {"OUT_OF_PHASE", Dixon::other},
    {"OPP_PHASE", Dixon::other},
    {"OPPOSED_PHASE", Dixon::other},
    {"OPPPHASE", Dixon::other},
}};

Dixon dixon_by_label(const Word& word) {
  constexpr std::array<std::pair<std::string_view, Dixon>, 8> labels{{
      {"w", Dixon::water},
      {"water", Dixon::water},
      {"in", Dixon::in_phase},
      {"inphase", Dixon::in_phase},
      {"f", Dixon::other},
      {"fat", Dixon::other},
      {"opp", Dixon::other},
      {"outphase", Dixon::other},
  }};
  for (const auto& [label, part] : labels)
    if (word.text == label) return part;
  return Dixon::none;
}

/// A label stands before a colon (GE), or last: after an underscore (Siemens) or where Dixon is named.
Dixon dixon_by_words(const std::string& description) {
  const Words words(description);
  if (words.empty()) return Dixon::none;
  for (const std::string_view phrase : {"out of phase", "out phase", "opp phase", "opposed phase"})
    if (words.phrase(phrase)) return Dixon::other;
  if (words.phrase("in phase")) return Dixon::in_phase;
  const Word &first = words.list().front(), &last = words.list().back();
  if (fold(description).starts_with(first.text + ":")) return dixon_by_label(first);
  if (words.any("dixon mdixon flex ideal") || fold(description).ends_with("_" + last.text))
    return dixon_by_label(last);
  return Dixon::none;
}

}  // namespace

Dixon dixon_by_type(const SeriesHeader& header) {
  Dixon found = Dixon::none;
  for (const std::string& part : header.image_type)
    for (const auto& [value, meaning] : types)
      if (upper(part) == value) found = std::max(found, meaning);
  return found;
}

Dixon dixon_of(const SeriesHeader& header) {
  const Dixon by_type = dixon_by_type(header);
  return by_type == Dixon::none ? dixon_by_words(header.series_description) : by_type;
}

}  // namespace metserve::pipeline
