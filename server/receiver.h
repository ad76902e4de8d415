#pragma once

#include "dicom/store_scp.h"
#include "server/committer.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Answers C-STORE: success when the image is on stable storage, or was there before. Thread safety:
/// `receive` from any thread.
class Receiver {
 public:
  Receiver(Storage& storage, Store& store, Metrics& metrics, const Log& log);

  /// One of the three edges where errors are caught: each becomes its DIMSE status.
  dicom::StoreStatus receive(dicom::ReceivedInstance&& image);

 private:
  AddOutcome keep(dicom::ReceivedInstance&& image);

  Storage& storage_;
  Store& store_;
  Metrics& metrics_;
  const Log& log_;
  Committer committer_;
};

}  // namespace metserve::server
