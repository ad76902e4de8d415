#include "server/retention.h"

#include <atomic>
#include <thread>

#include "server/administration.h"
#include "server/config.h"
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

  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
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

TEST_CASE("Studies that are deleted at the same time hinder each other nowhere", "[server][retention]") {
  RetentionFixture f;
  std::vector<std::string> persons_keys;
  for (int i = 0; i < 60; ++i) {
    const std::string study = "1.2." + std::to_string(i);
    for (int image = 0; image < 10; ++image) f.file(study, study + ".1." + std::to_string(image), "one");
    if (i % 2 == 0) persons_keys.push_back(study_key(study));
  }
  f.finish_all();
  const std::vector<DestinationConfig> none;
  Administration administration({f.storage, *f.store, none, f.log, f.audit, [] {}});
  std::atomic<int> deleted{0}, failed{0};
  {
    const auto by_person = [&](std::size_t first) {
      for (std::size_t i = first; i < persons_keys.size(); i += 2) {
        // Gone already is what the sweep has deleted.
        const auto error = kind_of_error([&] { administration.remove(persons_keys[i]); });
        if (!error) ++deleted;
        if (error && error != Error::Kind::not_found) ++failed;
      }
    };
    const std::jthread one(by_person, 0), other(by_person, 1);
    deleted += f.sweep();
  }
  CHECK(deleted == 60);
  CHECK(failed == 0);
  CHECK(f.store->keys().empty());
  CHECK(std::filesystem::is_empty(f.directory.path() / "images"));
  CHECK(std::filesystem::is_empty(f.directory.path() / "trash"));
}

TEST_CASE("A deletion that cannot remove the files is audited, and the next start ends it",
          "[server][retention]") {
  RetentionFixture f;
  f.file("1.2", "1.2.1.1", "one");
  f.file("1.3", "1.3.1.1", "two");
  f.finish_all();
  // As the audit trail is written something gets into the way of the study's images.
  const auto audit_file = f.directory.path() / "audit";
  Audit audit(
      audit_file,
      [&] {
        for (const char* study : {"1.2", "1.3"}) {
          const auto trash = f.directory.path() / "trash" / (study_key(study) + ".0");
          if (std::filesystem::exists(trash))
            std::filesystem::create_directories(trash / "images" / "in the way");
        }
        return f.now;
      },
      f.log);
  int wiped = 0;
  SECTION("of a person") {
    const std::vector<DestinationConfig> none;
    Administration administration({f.storage, *f.store, none, f.log, audit, [&] { ++wiped; }});
    for (const char* study : {"1.2", "1.3"})
      CHECK_THROWS_WITH(administration.remove(study_key(study)), Catch::Contains("cannot be removed"));
  }
  SECTION("of the sweep") {
    wiped = delete_old_studies({f.storage, *f.store, f.log, audit}, one_minute, one_minute);
  }
  CHECK(wiped == 2);
  CHECK(f.store->keys().empty());
  std::ifstream lines(audit_file);
  const std::string audited(std::istreambuf_iterator<char>(lines), {});
  for (const char* study : {"1.2", "1.3"}) CHECK_THAT(audited, Catch::Contains(study_key(study)));
  CHECK_FALSE(std::filesystem::is_empty(f.directory.path() / "images"));
  CHECK(f.storage.settle(f.store->keys()) == 0);
  CHECK(std::filesystem::is_empty(f.directory.path() / "images"));
  CHECK(std::filesystem::is_empty(f.directory.path() / "trash"));
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
