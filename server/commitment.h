#pragma once

#include <functional>
#include <string>

#include "dicom/storage_commitment.h"
#include "server/audit.h"
#include "server/config.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/store.h"

namespace metserve::server {

/// What a report touches. The references outlive it.
struct CommitmentContext {
  Store& store;
  Metrics& metrics;
  const Log& log;
  Audit& audit;
  std::string node;  ///< owner of the lease
  std::function<RetryConfig(const std::string& destination)> retry_of;
};

/// Records what a destination says it keeps: committed objects are delivered, others are sent again or need
/// attention, as the reason says. False for a transaction that nobody asked for.
bool record_commitment(const dicom::CommitmentReport& report, const CommitmentContext& context);

}  // namespace metserve::server
