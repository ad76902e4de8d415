#pragma once

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
};

/// Deletes images, results and records of studies that have been finished since before `before`. Studies in
/// work or waiting for delivery stay. Returns how many it deleted.
int delete_old_studies(const RetentionContext& context, TimePoint before);

}  // namespace metserve::server
