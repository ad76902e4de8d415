#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace metserve::models {

struct Interval {
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  int resamples = 1000;     ///< >= 2
  double level = 0.95;      ///< share of the resamples within the interval, 0..1
  std::uint64_t seed = 20;  ///< the same for every figure, so that figures can be compared
};

/// Percentile interval of a figure over studies drawn with replacement (Efron 1979). `figure` is given how
/// often each of `studies` was drawn; resamples for which it does not exist are left out. Percentiles are
/// interpolated linearly. Absent when the figure exists for no resample. Throws Error(bad_input) on options
/// out of range.
std::optional<Interval> bootstrap(
    std::size_t studies, const std::function<std::optional<double>(const std::vector<int>& times)>& figure,
    const BootstrapOptions& options = {});

}  // namespace metserve::models
