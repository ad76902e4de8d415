#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/study.h"
#include "models/training.h"

namespace metserve::models {

/// By name, what the course of a training depends on: options, and the names of the studies. Not what may
/// change when a run is resumed: its length and intervals, devices, threads, workers and precision.
using TrainingSettings = std::map<std::string, std::string>;

TrainingSettings settings_of(const TrainingOptions& options, const std::vector<Study>& training,
                             const std::vector<Study>& validation);

/// Throws Error(bad_input) that names the first setting that differs and both its values.
void require_same(const TrainingSettings& begun_with, const TrainingSettings& asked_for);

}  // namespace metserve::models
