#pragma once

#include <string>
#include <vector>

#include "pipeline/segment_study.h"

namespace metserve::pipeline {

/// How well each series but the reference was registered, one sentence each, accepted or not.
std::vector<std::string> registration_quality(const StudyResult& result);

/// What the model's manifest expects of the sequences that were used, in one sentence; that it says nothing,
/// where it does not.
std::string expected_performance(const StudyResult& result);

}  // namespace metserve::pipeline
