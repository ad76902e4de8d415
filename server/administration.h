#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/audit.h"
#include "server/config.h"
#include "server/logging.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// What the orders of persons touch. The references outlive them.
struct AdministrationContext {
  Storage& storage;
  Store& store;
  const std::vector<DestinationConfig>& destinations;
  const Log& log;
  Audit& audit;
  std::function<void()> on_deleted;        ///< a study was deleted: the journal is to forget it, too
  std::function<void()> on_ready = [] {};  ///< a study has become ready
  std::function<void()> on_due = [] {};    ///< objects are due at destinations
};

/// What a person may do to a study: the same from the command line and through HTTP, in a running server and
/// beside a stopped one. Errors are those of the store. Thread safety: all members from any thread.
class Administration {
 public:
  explicit Administration(AdministrationContext context);

  void retry(const std::string& key);
  void release(const std::string& key, const SeriesDecisions& decisions);
  /// Throws Error(bad_call) for a destination that is not configured; an empty one stands for all
  /// that are.
  void resend(const std::string& key, const std::string& destination);
  /// Throws Error(out_of_resources) when images keep coming so that nothing can be deleted now, Error(io)
  /// when the study is deleted and its files are left to the next start.
  void remove(const std::string& key);

 private:
  AdministrationContext context_;
};

}  // namespace metserve::server
