#pragma once

#include <vector>

#include "pipeline/match.h"
#include "pipeline/match_kind.h"

namespace metserve::pipeline {

/// Decides between the candidates of each slot: those that a rule of the site names first, of repeats the
/// latest complete one, of one acquisition's reconstructions the corrected one, 3D before 2D, of 2D series
/// the examination's main plane. `matches` holds a candidate's slot with decision used or ambiguous; the
/// others become duplicate or rejected.
void choose(const dicom::Study& study, const std::vector<KindMatch>& kinds, StudyMatch& match);

}  // namespace metserve::pipeline
