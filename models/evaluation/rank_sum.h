#pragma once

#include <vector>

namespace metserve::models {

/// Wilcoxon's rank-sum test (Mann and Whitney 1947), two-sided.
struct RankSum {
  double u = 0;        ///< pairs in which the first sample's value is larger, ties counted half
  double p_value = 1;  ///< of both samples coming from one distribution
  bool exact = false;  ///< by counting all orders, for up to 20 values in each sample and no ties;
                       ///< else normal, corrected for ties and continuity
};

/// Throws Error(bad_input) when a sample is empty or holds a value that is not finite.
RankSum rank_sum_test(const std::vector<double>& first, const std::vector<double>& second);

}  // namespace metserve::models
