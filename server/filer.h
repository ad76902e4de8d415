#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/bounded_queue.h"
#include "server/final_failure.h"
#include "server/journal.h"
#include "server/logging.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Told what became of an image that was filed.
using OnFiled = std::function<void(const InstanceRecord&, AddOutcome)>;

/// Files what the journal holds, in its order: copies many images from it, syncs once, records them in one
/// transaction, and gives their room in the journal back. A full disk or a busy database is waited for, as
/// long as it takes; a sync that fails is final. Thread safety: `add` from any thread, one at a time.
class Filer {
 public:
  /// Files what the last run left in the journal before it returns. Throws what keeps it from that.
  Filer(Journal& journal, Storage& storage, Store& store, FinalFailure& failure, const Log& log,
        OnFiled on_filed);
  ~Filer();  ///< files what is left, unless something is in the way: then the next start does

  /// Takes an image that the journal has made durable.
  void add(JournaledImage&& image);

  /// Throws Error(out_of_resources) with what images wait for that cannot be filed now. From any thread.
  void require_none_waiting() const;

 private:
  void recover();
  void run();
  void file_patiently(const std::vector<JournaledImage>& batch);
  void file(const std::vector<JournaledImage>& batch);
  void wait_for(const std::string& what);
  bool stopped_within_pause();

  Journal& journal_;
  Storage& storage_;
  Store& store_;
  FinalFailure& failure_;
  const Log& log_;
  OnFiled on_filed_;
  BoundedQueue<JournaledImage> queue_;
  mutable std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::string waits_for_;  ///< under the mutex; empty when images can be filed
  std::thread thread_;
};

}  // namespace metserve::server
