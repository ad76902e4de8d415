#pragma once

#include <string>

#include "pipeline/segment_study.h"

namespace metserve::pipeline {

/// The stable `lesions.json`: model, subset, reference series, threshold, registration, lesions (LPS mm),
/// wall times a stage in seconds, warnings. Ends with a newline.
std::string to_json(const StudyResult& result);

}  // namespace metserve::pipeline
