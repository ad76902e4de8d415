#pragma once

#include <string>

#include "dicom/study.h"
#include "pipeline/match.h"

namespace metserve::pipeline {

/// One witness of contrast: its verdict and what it is. Unknown with a reason: it contradicts itself, so that
/// no other witness of the same series settles it.
struct ContrastWitness {
  Contrast state = Contrast::unknown;
  std::string reason;
};

/// From the description, and from the series' own protocol's name where that is silent. Negatives come first
/// ("ohne KM" holds "KM"); what may be either ("-KM", "s km", "+C pre") is unknown.
ContrastWitness contrast_by_words(const dicom::SeriesHeader& header);

/// Whether an agent, volume or route as it was entered says that nothing was given: NONE, "no contrast
/// agent", 0.00, and nothing filled in.
bool means_none(const std::string& entered);

}  // namespace metserve::pipeline
