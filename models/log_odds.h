#pragma once

#include <algorithm>
#include <cmath>

namespace metserve::models {

/// Of a probability, 0..1; of 1 - 1e-9 for what is nearer to 1, where float32 tells nothing apart.
inline double log_odds(double probability) {
  const double below_one = std::min(probability, 1 - 1e-9);
  return std::log(below_one / (1 - below_one));
}

inline double probability_at(double log_odds) {
  return 1 / (1 + std::exp(-log_odds));
}

}  // namespace metserve::models
