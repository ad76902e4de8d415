#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/evaluation/rank_sum.h"

namespace metserve::models {

/// One figure of two evaluations, study by study, on the same subset of the sequences.
struct Comparison {
  std::string subset;  ///< slot ids joined with '+'
  std::string figure;  ///< key of a study in evaluation.json
  double first_median = 0;
  double second_median = 0;
  RankSum test;
};

/// Compares two models by Wilcoxon's rank-sum test (Groevik 2020 and 2021), from their `evaluation.json`:
/// each subset that both have, each figure that both have for some study. Throws Error(io) or
/// Error(bad_input) that names the file and what it lacks.
std::vector<Comparison> compare_evaluations(const std::filesystem::path& first,
                                            const std::filesystem::path& second);

/// Markdown.
std::string to_table(const std::vector<Comparison>& comparisons);
std::string to_json(const std::vector<Comparison>& comparisons);

}  // namespace metserve::models
