#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace metserve::models {

/// Maps of a network hold log-odds, because float32 ends at a probability of 1 - 6e-8 (16.6 in log-odds) and
/// networks are surer than that. Single probabilities, of rules and for people, are doubles: they end
/// at 36.7.

/// Of a probability, 0..1: from minus to plus infinity.
inline double log_odds_of(double probability) {
  return std::log(probability / (1 - probability));
}

/// Below 1: a bound made of it can be reached.
inline double probability_at(double log_odds) {
  constexpr double highest = 1 - std::numeric_limits<double>::epsilon() / 2;
  return std::min(1 / (1 + std::exp(-log_odds)), highest);
}

}  // namespace metserve::models
