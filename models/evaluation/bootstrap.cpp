#include "models/evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "models/error.h"

namespace metserve::models {
namespace {

double percentile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - std::floor(position));
}

}  // namespace

std::optional<Interval> bootstrap(
    std::size_t studies, const std::function<std::optional<double>(const std::vector<int>& times)>& figure,
    const BootstrapOptions& options) {
  if (options.resamples < 2 || !(options.level > 0 && options.level < 1))
    throw Error(Error::Kind::bad_input, "bootstrap: resamples must be at least 2, level between 0 and 1");
  if (studies == 0) return std::nullopt;
  std::mt19937_64 random(options.seed);
  std::vector<double> values;
  std::vector<int> times(studies);
  for (int i = 0; i < options.resamples; ++i) {
    std::fill(times.begin(), times.end(), 0);
    // The remainder's bias is of the order of studies / 2^64; std::uniform_int_distribution differs between
    // standard libraries.
    for (std::size_t drawn = 0; drawn < studies; ++drawn) ++times[random() % studies];
    if (const auto value = figure(times)) values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.level) / 2;
  return Interval{percentile(values, tail), percentile(values, 1 - tail)};
}

}  // namespace metserve::models
