#include "models/evaluation/rank_sum.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/error.h"

namespace metserve::models {
namespace {

constexpr std::size_t largest_exact = 20;

struct Ranking {
  double rank_sum = 0;  ///< of the first sample, ties have their mean rank
  double ties = 0;      ///< sum of t^3 - t over groups of t equal values
};

Ranking rank(const std::vector<double>& first, const std::vector<double>& second) {
  std::vector<std::pair<double, bool>> all;
  for (double value : first) all.emplace_back(value, true);
  for (double value : second) all.emplace_back(value, false);
  std::sort(all.begin(), all.end());
  Ranking ranking;
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin;
    double own = 0;
    while (end < all.size() && all[end].first == all[begin].first) own += all[end++].second ? 1 : 0;
    const double mean_rank = (static_cast<double>(begin + end) + 1) / 2;
    const auto count = static_cast<double>(end - begin);
    ranking.rank_sum += own * mean_rank;
    ranking.ties += count * count * count - count;
    begin = end;
  }
  return ranking;
}

/// How many of the orders of m and n values have each U (recursion of Mann and Whitney 1947).
std::vector<double> orders_by_u(std::size_t m, std::size_t n) {
  std::vector<double> counts(m * n + 1, 0);
  counts[0] = 1;
  // The Gaussian binomial coefficient: multiply by (1 - q^(n+i)) and divide by (1 - q^i) for i = 1..m.
  for (std::size_t i = 1; i <= m; ++i) {
    for (std::size_t u = counts.size(); u-- > n + i;) counts[u] -= counts[u - n - i];
    for (std::size_t u = i; u < counts.size(); ++u) counts[u] += counts[u - i];
  }
  return counts;
}

double exact_p(double u, std::size_t m, std::size_t n) {
  const std::vector<double> counts = orders_by_u(m, n);
  double all = 0, tail = 0;
  const double smaller = std::min(u, static_cast<double>(m * n) - u);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    all += counts[i];
    if (static_cast<double>(i) <= smaller) tail += counts[i];
  }
  return std::min(1.0, 2 * tail / all);
}

double normal_p(double u, double ties, double m, double n) {
  const double all = m + n;
  const double variance = m * n / 12 * (all + 1 - ties / (all * (all - 1)));
  if (!(variance > 0)) return 1;
  const double distance = std::max(0.0, std::abs(u - m * n / 2) - 0.5);
  return std::erfc(distance / std::sqrt(2 * variance));
}

void check(const std::vector<double>& sample) {
  if (sample.empty()) throw Error(Error::Kind::bad_input, "rank-sum test: a sample is empty");
  for (double value : sample)
    if (!std::isfinite(value)) throw Error(Error::Kind::bad_input, "rank-sum test: a value is not finite");
}

}  // namespace

RankSum rank_sum_test(const std::vector<double>& first, const std::vector<double>& second) {
  check(first);
  check(second);
  const Ranking ranking = rank(first, second);
  const auto m = static_cast<double>(first.size()), n = static_cast<double>(second.size());
  RankSum result;
  result.u = ranking.rank_sum - m * (m + 1) / 2;
  result.exact = ranking.ties == 0 && std::max(first.size(), second.size()) <= largest_exact;
  result.p_value =
      result.exact ? exact_p(result.u, first.size(), second.size()) : normal_p(result.u, ranking.ties, m, n);
  return result;
}

}  // namespace metserve::models
