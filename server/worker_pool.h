#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "models/model_package.h"
#include "models/segmenter.h"
#include "server/periodic_task.h"
#include "server/study_job.h"

namespace metserve::server {

struct WorkerStatus {
  int all = 0, ready = 0, busy = 0;
};

/// Threads that work on studies, each with a network of its own that answered a canary input before the first
/// study and does so again after an error that may come from its device. Constructed means ready.
/// Thread safety: `wake`, `status` and `claims` from any thread.
class WorkerPool {
 public:
  /// `on_broken` is called when a device does not come back or a job shows no sign of progress, with the
  /// reason: the process should be restarted. Throws models::Error when the weights do not fit or the device
  /// is not there.
  WorkerPool(const models::ModelPackage& package, JobContext context,
             std::function<void(const std::string&)> on_broken);
  ~WorkerPool();  ///< as `stop` with no grace

  void wake();
  WorkerStatus status() const;
  /// What is being worked on.
  std::vector<Claim> claims() const;

  /// No new studies. Those in work may finish for `grace`, then they are interrupted and handed back. What
  /// does not even react to that is handed back over its worker's head: returns how many workers still run
  /// then, and when it is not 0 the process must end without destroying this object.
  int stop(std::chrono::milliseconds grace);

 private:
  struct Worker {
    std::optional<models::Segmenter> segmenter;
    bool ready = false;                                              ///< under the pool's mutex
    std::optional<Claim> claim;                                      ///< under the pool's mutex
    std::atomic<std::chrono::steady_clock::time_point> last_sign{};  ///< of progress
    std::thread thread;
  };
  void prepare_workers();
  void run(Worker& worker);
  bool work_once(Worker& worker);
  bool try_device(Worker& worker);
  void restore_device(Worker& worker);
  void renew_leases();
  void end_stuck_jobs();
  std::uint64_t wakes() const;
  bool wait_for_stop(std::chrono::milliseconds time, std::optional<std::uint64_t> seen);
  bool wait_until_all_ended(std::chrono::milliseconds patience);

  models::ModelPackage package_;
  JobContext context_;
  std::function<void(const std::string&)> on_broken_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::uint64_t wakes_ = 0;  ///< how often there may have been new work: every worker looks once for each
  int running_threads_ = 0;
  std::atomic<bool> cancel_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<PeriodicTask> lease_keeper_;
};

}  // namespace metserve::server
