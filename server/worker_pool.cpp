#include "server/worker_pool.h"

#include <algorithm>
#include <future>
#include <utility>

#include <ATen/Parallel.h>

#include "models/device.h"
#include "server/canary.h"
#include "server/error_table.h"

namespace metserve::server {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds poll_interval{1000};
constexpr std::chrono::seconds lease{60};
constexpr std::chrono::seconds renew_interval{15};
constexpr std::chrono::seconds interrupt_patience{15};
constexpr int device_tries = 3;
constexpr std::chrono::seconds device_wait{10};

int threads_per_worker(const WorkerConfig& config) {
  if (config.threads > 0) return config.threads;
  return std::max(1, models::usable_cores() / config.count);
}

}  // namespace

WorkerPool::WorkerPool(const models::ModelPackage& package, JobContext context,
                       std::function<void(const std::string&)> on_broken)
    : package_(package), context_(std::move(context)), on_broken_(std::move(on_broken)) {
  const WorkerConfig& config = context_.config.workers;
  for (int i = 0; i < config.count; ++i) workers_.push_back(std::make_unique<Worker>());
  // On a thread that ends: OpenMP's threads of one that stays would count, and as soon as there are more of
  // them than cores, libgomp has all sleep whenever they wait for each other.
  std::async(std::launch::async, [this] { prepare_workers(); }).get();
  running_threads_ = config.count;
  for (const auto& worker : workers_) {
    worker->thread = std::thread([this, &own = *worker] { run(own); });
  }
  lease_keeper_ = std::make_unique<PeriodicTask>(
      "renewing leases", renew_interval, [this] { renew_leases(); }, context_.log);
}

void WorkerPool::prepare_workers() {
  const WorkerConfig& config = context_.config.workers;
  at::set_num_threads(threads_per_worker(config));
  for (const auto& worker : workers_) {
    worker->segmenter.emplace(package_, config.device);
    run_canary(*worker->segmenter);
    worker->ready = true;
  }
}

WorkerPool::~WorkerPool() {
  cancel_ = true;
  stop(std::chrono::milliseconds(0));
  for (const auto& worker : workers_) worker->thread.join();
}

int WorkerPool::stop(std::chrono::milliseconds grace) {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (!wait_until_all_ended(grace)) {
    cancel_ = true;
    wait_until_all_ended(interrupt_patience);
  }
  lease_keeper_.reset();
  for (const Claim& claim : claims()) {
    try {
      context_.store.hand_back(claim);
      context_.log.warning("handed back while its worker does not react", claim.key);
    } catch (const std::exception& error) {
      context_.log.write(handling(error).log_level, reason_of(error), claim.key);
    }
  }
  const std::scoped_lock lock(mutex_);
  return running_threads_;
}

void WorkerPool::wake() {
  {
    const std::scoped_lock lock(mutex_);
    ++wakes_;
  }
  changed_.notify_all();
}

WorkerStatus WorkerPool::status() const {
  const std::scoped_lock lock(mutex_);
  WorkerStatus status;
  for (const auto& worker : workers_) {
    ++status.all;
    if (worker->ready) ++status.ready;
    if (worker->claim) ++status.busy;
  }
  return status;
}

void WorkerPool::run(Worker& worker) {
  // With OpenMP the thread count belongs to the thread that sets it.
  at::set_num_threads(threads_per_worker(context_.config.workers));
  for (bool stop = false; !stop;) {
    const std::uint64_t seen = wakes();
    bool worked = false;
    try {
      worked = work_once(worker);
    } catch (const std::exception& error) {
      context_.log.write(handling(error).log_level, std::string("taking a study: ") + reason_of(error));
    }
    stop = wait_for_stop(worked ? std::chrono::milliseconds(0) : poll_interval, seen);
  }
  {
    const std::scoped_lock lock(mutex_);
    --running_threads_;
  }
  changed_.notify_all();
}

/// Works on the next study that is ready; false when there is none.
bool WorkerPool::work_once(Worker& worker) {
  const auto claim = context_.store.claim(context_.storage.node(), lease);
  if (!claim) return false;
  {
    const std::scoped_lock lock(mutex_);
    worker.last_sign = Steady::now();
    worker.claim = claim;
  }
  const JobEnd end = run_job(*claim, *worker.segmenter, context_, [&] {
    worker.last_sign = Steady::now();
    return cancel_.load();
  });
  {
    const std::scoped_lock lock(mutex_);
    worker.claim.reset();
  }
  if (end == JobEnd::suspect) restore_device(worker);
  return true;
}

/// True when the device answers as it should; with a network made anew where it did not.
bool WorkerPool::try_device(Worker& worker) {
  try {
    if (!worker.segmenter) worker.segmenter.emplace(package_, context_.config.workers.device);
    run_canary(*worker.segmenter);
    return true;
  } catch (const std::exception& error) {
    context_.log.error(std::string("device ") + context_.config.workers.device + ": " + reason_of(error));
    worker.segmenter.reset();
    return false;
  }
}

void WorkerPool::restore_device(Worker& worker) {
  if (try_device(worker)) return;
  {
    const std::scoped_lock lock(mutex_);
    worker.ready = false;
  }
  for (int i = 0; i < device_tries; ++i) {
    if (wait_for_stop(device_wait, std::nullopt)) return;
    if (!try_device(worker)) continue;
    const std::scoped_lock lock(mutex_);
    worker.ready = true;
    return;
  }
  on_broken_("device " + context_.config.workers.device + " does not come back");
  while (!wait_for_stop(poll_interval, std::nullopt)) {
  }
}

/// What never returns, like a call of a GPU that is gone, would be renewed for ever: its study counts as
/// tried, and the process has to end, because the worker's thread cannot be ended alone.
void WorkerPool::end_stuck_jobs() {
  const std::chrono::seconds patience = context_.config.workers.stuck_after;
  std::vector<Claim> stuck;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& worker : workers_)
      if (worker->claim && Steady::now() - worker->last_sign.load() > patience)
        stuck.push_back(*std::exchange(worker->claim, std::nullopt));
  }
  for (const Claim& claim : stuck) {
    const std::string reason = "no sign of progress for " + std::to_string(patience.count()) + " s";
    end_stuck_job(claim, reason, context_);
    on_broken_("study " + claim.key + ": " + reason);
  }
}

void WorkerPool::renew_leases() {
  end_stuck_jobs();
  for (const Claim& claim : claims()) {
    try {
      context_.store.renew(claim, lease);
    } catch (const std::exception& error) {
      // The job ends meanwhile, or finds out at its end.
      context_.log.write(handling(error).log_level, reason_of(error), claim.key);
    }
  }
}

std::uint64_t WorkerPool::wakes() const {
  const std::scoped_lock lock(mutex_);
  return wakes_;
}

/// Waits for the time, or until there may be work that came after `seen`; true when the pool stops.
bool WorkerPool::wait_for_stop(std::chrono::milliseconds time, std::optional<std::uint64_t> seen) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] { return stopping_ || (seen && wakes_ != *seen); });
  return stopping_;
}

bool WorkerPool::wait_until_all_ended(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return running_threads_ == 0; });
}

std::vector<Claim> WorkerPool::claims() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Claim> all;
  for (const auto& worker : workers_) {
    if (worker->claim) all.push_back(*worker->claim);
  }
  return all;
}

}  // namespace metserve::server
