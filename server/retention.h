#pragma once

#include <stop_token>

#include "server/audit.h"
#include "server/logging.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

struct RetentionContext {
  Storage& storage;
  Store& store;
  const Log& log;
  Audit& audit;
  std::stop_token stop{};  ///< asked between studies: the next sweep deletes what this one leaves
};

/// Deletes images, results and records of studies that have been finished for as long as `retention`. Studies
/// in work or waiting for delivery stay. `elapsed`: since the last call, by a clock that nobody sets; what
/// the system clock jumps to deletes nothing. Returns how many it deleted; what failed is logged.
int delete_old_studies(const RetentionContext& context, std::chrono::milliseconds retention,
                       std::chrono::milliseconds elapsed);

}  // namespace metserve::server
