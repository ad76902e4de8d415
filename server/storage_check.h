#pragma once

#include <string>

#include "server/config.h"

namespace metserve::server {

/// Whether a server could store here, without disturbing one that does and without making what is not there.
/// Returns what was seen, e.g. "/var/lib/metserve, 812 GiB free", and what is in `lost`. Throws Error naming
/// the directory and what to do.
std::string check_storage(const StorageConfig& config);

}  // namespace metserve::server
