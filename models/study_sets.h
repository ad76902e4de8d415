#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/study.h"

namespace metserve::models {

/// What a training needs.
struct StudySets {
  std::vector<Study> training, validation;
};

/// Keeps the studies of every eighth patient for validation, never to be trained on: of patients with
/// lesions, without which nothing can be chosen (of at least one), and of the others. A study that names no
/// patient is its own. Throws Error(bad_input) when fewer than two patients have lesions.
StudySets split_by_patient(std::vector<Study> studies);

/// Reads both folders; without one for validation, splits the other by patient. Throws Error(bad_input).
StudySets read_study_sets(const std::filesystem::path& data,
                          const std::optional<std::filesystem::path>& validation, const ClaheOptions& clahe);

/// Lines for who starts a training: how many studies, and who is in both sets.
std::string describe(const StudySets& sets);

}  // namespace metserve::models
