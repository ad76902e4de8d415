#include "server/filer.h"

#include <limits>
#include <utility>

#include "server/error.h"
#include "server/error_table.h"
#include "server/image_batch.h"

namespace metserve::server {
namespace {

/// The journal is what is full first: each image that waits takes room there.
constexpr std::size_t queue_capacity = std::numeric_limits<std::size_t>::max();
/// A sync of the files holds the journal's own up, which come between: by 8 MiB, not by more.
constexpr std::size_t largest_batch = 64;
/// What syncs and a transaction cost is shared by so much: a lone sender's images would each pay for it.
constexpr std::chrono::milliseconds linger{100};
constexpr std::chrono::seconds pause{2};

}  // namespace

Filer::Filer(Journal& journal, Storage& storage, Store& store, FinalFailure& failure, const Log& log,
             OnFiled on_filed)
    : journal_(journal),
      storage_(storage),
      store_(store),
      failure_(failure),
      log_(log),
      on_filed_(std::move(on_filed)),
      queue_(queue_capacity) {
  recover();
  thread_ = std::thread([this] { run(); });
}

Filer::~Filer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  queue_.close();
  thread_.join();
}

void Filer::add(JournaledImage&& image) {
  queue_.push(std::move(image), std::chrono::milliseconds(0));
}

void Filer::recover() {
  constexpr std::size_t at_a_time = 32;
  std::size_t count = 0;
  std::vector<JournaledImage> batch;
  journal_.recover([&](JournaledImage&& image) {
    ++count;
    batch.push_back(std::move(image));
    if (batch.size() == at_a_time) file(std::exchange(batch, {}));
  });
  if (!batch.empty()) file(batch);
  if (count > 0) log_.info(std::to_string(count) + " images of the last run are filed from the journal");
}

void Filer::run() {
  const auto next = [this] { return queue_.pop_all(largest_batch, linger); };
  for (auto batch = next(); !batch.empty(); batch = next()) {
    if (!failure_.happened()) file_patiently(batch);
  }
}

void Filer::file_patiently(const std::vector<JournaledImage>& batch) {
  for (;;) {
    try {
      file(batch);
      return wait_for("");
    } catch (const std::exception& error) {
      const bool transient = kind_of(error) == ErrorKind::out_of_resources;
      const std::string what = "images cannot be filed and stay in the journal: " + reason_of(error);
      log_.write(handling(error).log_level, what);
      // What comes after it must not be filed before it: then all of it stays in the journal.
      if (!transient) return failure_.set(what);
      wait_for(what);
      if (stopped_within_pause()) return failure_.set(what);
    }
  }
}

void Filer::wait_for(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  waits_for_ = what;
}

void Filer::require_none_waiting() const {
  const std::scoped_lock lock(mutex_);
  if (!waits_for_.empty()) throw Error(Error::Kind::out_of_resources, waits_for_);
}

bool Filer::stopped_within_pause() {
  std::unique_lock lock(mutex_);
  return stop_.wait_for(lock, pause, [this] { return stopping_; });
}

void Filer::file(const std::vector<JournaledImage>& batch) {
  ImageBatch files(storage_);
  std::vector<std::optional<AddOutcome>> outcomes;
  std::vector<InstanceRecord> records;
  std::vector<std::uint8_t> part10;  // one for all: a new one each time would be filled with zeros first
  for (const JournaledImage& image : batch) {
    outcomes.push_back(store_.known(image.record.sop_instance_uid, image.record.digest));
    if (outcomes.back()) continue;
    records.push_back(image.record);
    journal_.read(image.place, part10);
    records.back().file = files.put(image.record, part10);
  }
  files.sync();
  const auto added = records.empty() ? std::vector<AddOutcome>() : store_.add_instances(records);
  journal_.mark_filed(batch.back().number);
  auto next = added.begin();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    on_filed_(batch[i].record, outcomes[i] ? *outcomes[i] : *next++);
  }
}

}  // namespace metserve::server
