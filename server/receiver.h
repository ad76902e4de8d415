#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "dicom/line_limit.h"
#include "dicom/store_scp.h"
#include "server/committer.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Answers C-STORE: success when the image is on stable storage, or was there before. It is in the journal
/// then; file and record follow behind. Thread safety: all members from any thread.
class Receiver {
 public:
  /// Files first what the last run left in the journal. Throws what keeps it from that.
  Receiver(Storage& storage, Store& store, Metrics& metrics, const Log& log, const JournalOptions& journal);

  /// One of the three edges where errors are caught: each becomes its DIMSE status.
  dicom::StoreStatus receive(dicom::ReceivedInstance&& image);

  /// Throws Error(io) when a failed sync has ended it, Error(out_of_resources) when the disk is too full or
  /// acknowledged images wait to be filed until something comes back.
  void require_able() const;

  /// Since when it could keep what came, as far as it knows: from its beginning, from the last image that was
  /// refused for want of something, or from now when it cannot.
  std::chrono::steady_clock::time_point able_since();

  /// Overwrites what the journal still holds of images that are filed: after studies were deleted.
  void wipe_journal() { journal_.wipe(); }

 private:
  void keep(dicom::ReceivedInstance&& image);
  void filed(const InstanceRecord& image, AddOutcome outcome);
  void log_about(LogLevel level, const std::string& line, const std::string& study,
                 const std::string& peer_address);

  Storage& storage_;
  Store& store_;
  Metrics& metrics_;
  const Log& log_;
  std::atomic<std::chrono::steady_clock::time_point> able_since_{std::chrono::steady_clock::now()};
  std::mutex lines_mutex_;
  dicom::LineLimit lines_;  ///< about images, under that mutex
  FinalFailure failure_;
  Journal journal_;
  Filer filer_;
  Committer committer_;
};

}  // namespace metserve::server
