#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "server/filer.h"
#include "server/final_failure.h"
#include "server/journal.h"

namespace metserve::server {

/// Makes images of all associations durable together. Whoever comes first writes and syncs for all that wait
/// with it; who comes meanwhile makes the next group. A lone sender so waits for one sync and for no other
/// thread. Thread safety: `commit` from any thread.
class Committer {
 public:
  /// `on_batch`: told the size and duration of each commit, for the metrics.
  Committer(Journal& journal, Filer& filer, FinalFailure& failure,
            std::function<void(std::size_t images, std::chrono::duration<double>)> on_batch = {});

  /// Returns when the image is on stable storage, and hands it to the filer. Throws Error(out_of_resources)
  /// when the journal stays full, Error(io) when writing or syncing failed, now or ever before.
  void commit(JournalEntry entry);

 private:
  struct Waiting {
    JournalEntry entry;
    std::condition_variable changed;
    bool done = false;
    std::exception_ptr error;
  };
  void lead(std::unique_lock<std::mutex>& lock);
  void commit_batch(const std::vector<Waiting*>& batch);

  Journal& journal_;
  Filer& filer_;
  FinalFailure& failure_;
  std::function<void(std::size_t, std::chrono::duration<double>)> on_batch_;
  std::mutex mutex_;
  std::vector<Waiting*> queue_;
  bool leading_ = false;
};

}  // namespace metserve::server
