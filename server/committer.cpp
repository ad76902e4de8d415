#include "server/committer.h"

#include <set>
#include <utility>

namespace metserve::server {
namespace {

constexpr std::size_t queue_capacity = 1024;
constexpr std::size_t largest_batch = 256;
constexpr std::chrono::milliseconds patience{5000};

}  // namespace

Committer::Committer(Storage& storage, Store& store,
                     std::function<void(std::size_t, std::chrono::duration<double>)> on_batch)
    : storage_(storage),
      store_(store),
      on_batch_(std::move(on_batch)),
      queue_(queue_capacity),
      thread_([this] { run(); }) {}

Committer::~Committer() {
  queue_.close();
  thread_.join();
}

AddOutcome Committer::commit(InstanceRecord instance) {
  Waiting waiting{std::move(instance), {}};
  std::future<AddOutcome> outcome = waiting.outcome.get_future();
  queue_.push(std::move(waiting), patience);
  return outcome.get();
}

void Committer::run() {
  for (auto batch = queue_.pop_all(largest_batch); !batch.empty(); batch = queue_.pop_all(largest_batch)) {
    const auto start = std::chrono::steady_clock::now();
    commit_batch(batch);
    if (on_batch_) on_batch_(batch.size(), std::chrono::steady_clock::now() - start);
  }
}

void Committer::commit_batch(std::vector<Waiting>& batch) {
  std::vector<InstanceRecord> instances;
  instances.reserve(batch.size());
  for (const Waiting& waiting : batch) instances.push_back(waiting.instance);
  try {
    std::set<std::filesystem::path> synced;
    for (const InstanceRecord& instance : instances) {
      if (synced.insert(instance.file.parent_path()).second) storage_.sync_images(instance.file);
    }
    const auto outcomes = store_.add_instances(instances);
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i].outcome.set_value(outcomes[i]);
  } catch (...) {
    // The thread of each association reports it: nobody is told that an image is safe.
    for (Waiting& waiting : batch) waiting.outcome.set_exception(std::current_exception());
  }
}

}  // namespace metserve::server
