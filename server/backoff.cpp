#include "server/backoff.h"

#include <algorithm>
#include <cmath>

namespace metserve::server {

std::chrono::milliseconds backoff(const RetryConfig& retry, int tries, double random) {
  const double first_s = static_cast<double>(retry.first.count());
  const double cap_s = static_cast<double>(retry.cap.count());
  const double wait_s = std::min(cap_s, std::ldexp(first_s, std::min(tries, 32)));
  return std::chrono::milliseconds(static_cast<std::int64_t>(1000 * wait_s * (1 - 0.25 * random)));
}

}  // namespace metserve::server
