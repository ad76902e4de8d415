#include "server/retention.h"

#include <atomic>

#include "server/image_batch.h"
#include "server/periodic_task.h"
#include "server/sqlite_check.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;

namespace {

struct RetentionFixture : StoreFixture {
  Storage storage{directory.path(), 0};
  LogConfig log_config{LogLevel::debug, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  Audit audit{std::nullopt, [this] { return now; }, log};

  /// The image's file, recorded.
  std::filesystem::path file(const std::string& study, const std::string& sop, const std::string& content) {
    InstanceRecord image = instance(study, sop, content);
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    image.bytes = bytes.size();
    ImageBatch batch(storage);
    image.file = batch.put(image, bytes);
    store->add_instances(std::span(&image, 1));
    return directory.path() / image.file;
  }
  /// All that is there is failed.
  void finish_all() {
    store->make_quiet_studies_ready(std::chrono::milliseconds(0));
    while (const auto claim = store->claim("here", one_minute))
      store->set_aside(*claim, StudyState::failed, "no such series");
  }
  int sweep(const std::stop_token& stop = {}) {
    return delete_old_studies({storage, *store, log, audit, stop}, one_minute, one_minute);
  }
};

}  // namespace

TEST_CASE("The same SOP Instance UID in two studies outlives a start, and goes with its own study",
          "[server][retention]") {
  RetentionFixture f;
  const auto first = f.file("1.2", "1.2.1.1", "one"), second = f.file("1.3", "1.2.1.1", "two");
  const auto kept_apart = f.file("1.3", "1.2.1.1", "three");
  f.reopen();
  CHECK(f.storage.settle(f.store->keys()) == 0);
  CHECK(check_store(f.directory.path(), true) == "2 studies, 3 images, all intact");

  const bool first_goes = GENERATE(true, false);
  const std::string goes = first_goes ? "1.2" : "1.3", stays = first_goes ? "1.3" : "1.2";
  f.storage.discard(study_key(goes), [&] {
    f.store->remove_study(study_key(goes));
    return true;
  });
  CHECK(std::filesystem::exists(first) != first_goes);
  CHECK(std::filesystem::exists(second) == first_goes);
  CHECK(std::filesystem::exists(kept_apart) == first_goes);
  CHECK(check_store(f.directory.path(), true) ==
        (first_goes ? "1 studies, 2 images, all intact" : "1 studies, 1 images, all intact"));

  f.finish_all();
  CHECK(f.sweep() == 1);
  CHECK_FALSE(f.store->study(study_key(stays)));
  CHECK(std::filesystem::is_empty(f.directory.path() / "images"));
}

TEST_CASE("A sweep that is to stop leaves the other studies to the next one", "[server][retention]") {
  RetentionFixture f;
  const auto image = f.file("1.2", "1.2.1.1", "one");
  f.finish_all();
  std::stop_source stop;
  stop.request_stop();
  CHECK(f.sweep(stop.get_token()) == 0);
  CHECK(std::filesystem::exists(image));
  CHECK(f.sweep() == 1);
  CHECK_FALSE(std::filesystem::exists(image));
}

TEST_CASE("A periodic task works at once and again, and one that goes asks its work to stop",
          "[server][retention]") {
  const RetentionFixture f;
  std::atomic<int> calls{0};
  {
    const PeriodicTask task(
        "work", std::chrono::milliseconds(1), [&calls] { ++calls; }, f.log);
    while (calls < 3) std::this_thread::yield();
  }
  bool asked = false;
  {
    std::atomic<bool> started{false};
    const PeriodicTask task(
        "long work", std::chrono::hours(1),
        [&](const std::stop_token& stop) {
          started = true;
          while (!stop.stop_requested()) std::this_thread::yield();
          asked = true;
        },
        f.log);
    while (!started) std::this_thread::yield();
  }
  CHECK(asked);
}
