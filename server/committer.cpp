#include "server/committer.h"

#include <utility>

#include "server/error_table.h"

namespace metserve::server {
namespace {

constexpr std::chrono::milliseconds patience{5000};

}  // namespace

Committer::Committer(Journal& journal, Filer& filer, FinalFailure& failure,
                     std::function<void(std::size_t, std::chrono::duration<double>)> on_batch)
    : journal_(journal), filer_(filer), failure_(failure), on_batch_(std::move(on_batch)) {}

void Committer::commit(JournalEntry entry) {
  Waiting waiting;
  waiting.entry = std::move(entry);
  std::unique_lock lock(mutex_);
  queue_.push_back(&waiting);
  waiting.changed.wait(lock, [&] { return waiting.done || !leading_; });
  if (!waiting.done) lead(lock);
  if (waiting.error) std::rethrow_exception(waiting.error);
}

/// Commits everything that waits, the caller's own entry included, and wakes one to lead what came meanwhile.
void Committer::lead(std::unique_lock<std::mutex>& lock) {
  leading_ = true;
  const std::vector<Waiting*> batch = std::exchange(queue_, {});
  lock.unlock();
  const auto start = std::chrono::steady_clock::now();
  commit_batch(batch);
  if (on_batch_) on_batch_(batch.size(), std::chrono::steady_clock::now() - start);
  lock.lock();
  leading_ = false;
  for (Waiting* waiting : batch) {
    waiting->done = true;
    waiting->changed.notify_one();
  }
  if (!queue_.empty()) queue_.front()->changed.notify_one();
}

void Committer::commit_batch(const std::vector<Waiting*>& batch) {
  std::vector<JournalEntry*> entries;
  entries.reserve(batch.size());
  for (Waiting* waiting : batch) entries.push_back(&waiting->entry);
  std::size_t done = 0;
  try {
    while (done < batch.size()) {
      failure_.require_none();
      for (const JournalPlace& place : journal_.append(std::span(entries).subspan(done), patience)) {
        JournalEntry& entry = *entries[done];
        filer_.add({entry.number, std::move(entry.record), place});
        ++done;
      }
    }
  } catch (const std::exception& error) {
    if (kind_of(error) == ErrorKind::io) failure_.set(reason_of(error));
    // The thread of each association reports it: nobody is told that its image is safe.
    for (; done < batch.size(); ++done) batch[done]->error = std::current_exception();
  }
}

}  // namespace metserve::server
