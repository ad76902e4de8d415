#pragma once

#include "server/sqlite_database.h"
#include "server/store.h"

namespace metserve::server {

/// A time as the database keeps it: milliseconds since 1970-01-01 UTC.
inline TimePoint from_ms(std::int64_t ms) {
  return TimePoint(std::chrono::milliseconds(ms));
}

/// What persons decided about the series of a study.
SeriesDecisions decisions_of(Database& database, const std::string& key);

/// The study's images, but for those that are kept apart as conflicts.
std::vector<StoredImage> images_of(Database& database, const std::string& key);

}  // namespace metserve::server
