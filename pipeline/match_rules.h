#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dicom/study.h"
#include "pipeline/match_contrast.h"
#include "pipeline/match_kind.h"

namespace metserve::pipeline {

/// What one series is taken for, before it is compared with the others of its study.
struct SeenSeries {
  KindMatch kind;
  ContrastMatch contrast;
};

/// Whether `text` is what `pattern` describes: `*` stands for any text, `?` for one character, upper and
/// lower case and accents are alike (match_text.h). The whole text has to fit.
bool fits(std::string_view pattern, std::string_view text);

/// The first of `rules` whose patterns all fit, applied; nothing when none does. What no rule can change is
/// left to `unusable`. The evidence names the rule by its number, 1-based, and what the headers alone say
/// where that is something else.
std::optional<SeenSeries> apply_rules(const std::vector<SiteRule>& rules, const dicom::SeriesHeader& header);

}  // namespace metserve::pipeline
