#pragma once

#include <chrono>

#include "server/config.h"

namespace metserve::server {

/// How long to wait after a delivery failed: `first` doubled for each try made before, at most `cap`, less up
/// to a quarter, so that what failed together does not come back together. `tries`: made before this one, >=
/// 0. `random`: 0..1.
std::chrono::milliseconds backoff(const RetryConfig& retry, int tries, double random);

}  // namespace metserve::server
