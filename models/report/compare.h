#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "models/evaluation/rank_sum.h"
#include "models/slots.h"

namespace metserve::models {

/// Which studies of an evaluation are compared.
struct StudyGroup {
  std::optional<SlotSet> subset{};  ///< evaluated with these sequences; absent: each subset that both have
  std::size_t fewest_lesions = 0, most_lesions = std::numeric_limits<std::size_t>::max();
};

/// One figure of two groups, study by study.
struct Comparison {
  std::string subset;   ///< of the first, slot ids joined with '+'
  std::string against;  ///< of the second
  std::string figure;   ///< key of a study in evaluation.json
  double first_median = 0;
  double second_median = 0;
  RankSum test;
};

/// Compares two models, or two groups of studies, by Wilcoxon's rank-sum test (Groevik 2020 and 2021), from
/// their `evaluation.json`, which may be one file: each figure that both have for some study. Throws
/// Error(io) or Error(bad_input) that names the file and what it lacks.
std::vector<Comparison> compare_evaluations(const std::filesystem::path& first,
                                            const std::filesystem::path& second,
                                            const StudyGroup& of_first = {},
                                            const StudyGroup& of_second = {});

/// Markdown.
std::string to_table(const std::vector<Comparison>& comparisons);
std::string to_json(const std::vector<Comparison>& comparisons);

}  // namespace metserve::models
