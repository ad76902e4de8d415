#pragma once

#include <string>

#include "dicom/storage_commitment.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/store.h"

namespace metserve::server {

/// Records what a destination says it keeps: committed objects are delivered, others are sent again or need
/// attention, as the reason says. False for a transaction that nobody asked for. `node`: owner of the lease.
bool record_commitment(const dicom::CommitmentReport& report, Store& store, const std::string& node,
                       Metrics& metrics, const Log& log);

}  // namespace metserve::server
