#include "pipeline/match_rules.h"

#include <algorithm>
#include <utility>

#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using models::Slot;

constexpr double by_the_site = 0.99;  // a person said so; the headers were not asked

/// Where the character at `t` ends; those of UTF-8 have several bytes.
std::size_t after_character(std::string_view text, std::size_t t) {
  do ++t;
  while (t < text.size() && (static_cast<unsigned char>(text[t]) & 0xC0U) == 0x80U);
  return t;
}

/// `*` takes nothing at first, and one character more whenever the rest does not fit.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t = after_character(text, t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = taken = after_character(text, taken);
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool fits_if_given(const std::string& pattern, const std::string& text) {
  return pattern.empty() || fits(pattern, text);
}

std::string name_of(const SiteRule& rule, std::size_t number) {
  std::string text;
  for (const auto& [key, pattern] : {std::pair{"description", &rule.description},
                                     {"protocol", &rule.protocol},
                                     {"station", &rule.station}})
    if (!pattern->empty()) text += std::string(text.empty() ? "" : ", ") + key + " '" + *pattern + "'";
  return "site rule " + std::to_string(number) + " (" + text + ")";
}

bool is_of(SequenceKind kind, Slot slot) {
  switch (slot) {
    case Slot::t1_gre_post:
      return kind == SequenceKind::t1_ir_gre;
    case Slot::t1_se_pre:
    case Slot::t1_se_post:
      return kind == SequenceKind::t1_tse_3d || kind == SequenceKind::t1_se_2d;
    case Slot::flair:
      return kind == SequenceKind::flair_3d || kind == SequenceKind::flair_2d;
  }
  return false;
}

SequenceKind kind_for(Slot slot, const SeriesHeader& header) {
  const bool flat = upper(header.acquisition_type) == "2D";
  if (slot == Slot::t1_gre_post) return SequenceKind::t1_ir_gre;
  if (slot == Slot::flair) return flat ? SequenceKind::flair_2d : SequenceKind::flair_3d;
  return flat ? SequenceKind::t1_se_2d : SequenceKind::t1_tse_3d;
}

SeenSeries apply(const SiteRule& rule, std::size_t number, const SeriesHeader& header) {
  SeenSeries seen;
  const std::string name = name_of(rule, number);
  seen.contrast = contrast_of(header);
  if (!rule.slot) {
    seen.kind = {std::nullopt, by_the_site, {name + " leaves it out"}};
    return seen;
  }
  const KindMatch alone = classify(header);
  const bool agrees = alone.kind && is_of(*alone.kind, *rule.slot);
  seen.kind = {agrees ? *alone.kind : kind_for(*rule.slot, header),
               by_the_site,
               {name + " says " + std::string(models::name(*rule.slot))}};
  seen.kind.by_site = true;
  if (!agrees && !alone.reasons.empty())
    seen.kind.reasons.push_back("its headers alone say otherwise: " + alone.reasons.front());
  else
    seen.kind.reasons.insert(seen.kind.reasons.end(), alone.reasons.begin(), alone.reasons.end());
  if (*rule.slot != Slot::flair) {
    seen.contrast.state = *rule.slot == Slot::t1_se_pre ? Contrast::pre : Contrast::post;
    seen.contrast.confidence = by_the_site;
    seen.contrast.attribute = Contrast::unknown;  // nothing in the headers overrules it
  }
  return seen;
}

}  // namespace

bool fits(std::string_view pattern, std::string_view text) {
  return glob(fold(pattern), fold(text));
}

std::optional<SeenSeries> apply_rules(const std::vector<SiteRule>& rules, const SeriesHeader& header) {
  for (std::size_t n = 0; n < rules.size(); ++n)
    if (fits_if_given(rules[n].description, header.series_description) &&
        fits_if_given(rules[n].protocol, header.protocol_name) &&
        fits_if_given(rules[n].station, header.station_name))
      return apply(rules[n], n + 1, header);
  return std::nullopt;
}

}  // namespace metserve::pipeline
