#pragma once

#include "dicom/identity.h"
#include "server/config.h"
#include "server/logging.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Deletes images, results and records of studies that have been finished for longer than the retention time.
/// Studies in work or waiting for delivery stay. Returns how many it deleted.
int delete_old_studies(Storage& storage, Store& store, const StorageConfig& config, const dicom::Clock& clock,
                       const Log& log);

}  // namespace metserve::server
