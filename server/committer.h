#pragma once

#include <functional>
#include <future>
#include <thread>

#include "server/bounded_queue.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Makes images of all associations durable together: whoever waits at the same time shares one sync of each
/// directory and one commit. Thread safety: `commit` from any thread.
class Committer {
 public:
  /// `on_batch`: told the size and duration of each commit, for the metrics.
  Committer(Storage& storage, Store& store,
            std::function<void(std::size_t images, std::chrono::duration<double>)> on_batch = {});
  ~Committer();  ///< refuses what comes from now on, finishes what waits

  /// Returns when file entry and record are on stable storage. Throws Error(out_of_resources) when the queue
  /// stays full, Error(cancelled) when the server stops, and what the store throws.
  AddOutcome commit(InstanceRecord instance);

 private:
  struct Waiting {
    InstanceRecord instance;
    std::promise<AddOutcome> outcome;
  };
  void run();
  void commit_batch(std::vector<Waiting>& batch);

  Storage& storage_;
  Store& store_;
  std::function<void(std::size_t, std::chrono::duration<double>)> on_batch_;
  BoundedQueue<Waiting> queue_;
  std::thread thread_;
};

}  // namespace metserve::server
