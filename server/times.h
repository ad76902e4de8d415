#pragma once

#include <chrono>
#include <string>

namespace metserve::server {

/// UTC with milliseconds, e.g. 2026-11-21T05:44:23.120Z (ISO 8601).
std::string iso_time(std::chrono::system_clock::time_point time);

/// "42 s", "3 min 05 s", "2 h 07 min": for people who wait.
std::string in_words(std::chrono::seconds duration);

}  // namespace metserve::server
