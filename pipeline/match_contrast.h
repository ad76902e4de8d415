#pragma once

#include <string>
#include <vector>

#include "dicom/study.h"
#include "pipeline/match.h"
#include "pipeline/match_kind.h"

namespace metserve::pipeline {

/// Whether a series was acquired before or after the contrast agent was given.
struct ContrastMatch {
  Contrast state = Contrast::unknown;
  double confidence = 0;                   ///< 0..1
  Contrast attribute = Contrast::unknown;  ///< what the attributes alone say
  Contrast words = Contrast::unknown;      ///< what the description alone says
  std::vector<std::string> reasons;        ///< strongest first
};

/// From one series' attributes and words. Nothing filled in means nothing.
ContrastMatch contrast_of(const dicom::SeriesHeader& header);

/// Settles what single series left unknown by the order of events: the bolus' start time, series known to be
/// pre or post, and repeats of a series with other wording. A series that names an agent but was acquired
/// before the bolus is pre. Where a series names an agent and calls itself "pre", or the localizers or all
/// series name one, the agent was entered for the whole examination and says nothing of any of its series.
/// `kinds` and `contrasts` have one entry a series.
void settle_contrast_by_time(const dicom::Study& study, const std::vector<KindMatch>& kinds,
                             std::vector<ContrastMatch>& contrasts);

/// The same protocol run again: kind, plane and TR, TE, TI within 5 %.
bool same_parameters(const dicom::SeriesHeader& a, const dicom::SeriesHeader& b);

}  // namespace metserve::pipeline
