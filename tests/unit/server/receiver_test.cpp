#include "server/receiver.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include <sys/resource.h>

#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;

namespace {

dicom::ReceivedInstance image(const std::string& sop, const std::string& content) {
  dicom::ReceivedInstance made;
  made.calling_ae_title = "PACS";
  made.peer_address = "192.0.2.1";
  made.study_instance_uid = "1.2";
  made.series_instance_uid = "1.2.1";
  made.sop_instance_uid = sop;
  made.sop_class_uid = "1.2.840.10008.5.1.4.1.1.4";
  made.transfer_syntax_uid = "1.2.840.10008.1.2.1";
  made.modality = "MR";
  made.part10.assign(content.begin(), content.end());
  return made;
}

struct ReceiverFixture : StoreFixture {
  explicit ReceiverFixture(std::uint64_t min_free_bytes = 0)
      : storage(directory.path() / "storage", min_free_bytes) {
    start();
  }
  void start() {
    receiver = std::make_unique<Receiver>(storage, *store, metrics, log, JournalOptions{65536, 2});
  }
  dicom::StoreStatus receive(dicom::ReceivedInstance&& received) {
    return receiver->receive(std::move(received));
  }
  /// Everything acknowledged so far is in the store on return.
  void file_all() {
    receiver.reset();
    start();
  }
  LogConfig log_config{LogLevel::debug, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  Metrics metrics{"model", "1"};
  Storage storage;
  std::unique_ptr<Receiver> receiver;

  std::string logged() {
    std::ifstream stream(directory.path() / "log");
    return {std::istreambuf_iterator<char>(stream), {}};
  }
};

std::filesystem::path only_file_below(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  REQUIRE(files.size() == 1);
  return files.front();
}

}  // namespace

TEST_CASE("An acknowledged image is filed and recorded", "[server][receiver]") {
  ReceiverFixture f;
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  f.file_all();
  f.store->make_quiet_studies_ready(std::chrono::milliseconds(0));
  const Claim claim = f.store->claim("here", one_minute).value();
  REQUIRE(claim.images.size() == 1);
  std::ifstream stream(f.storage.directory() / claim.images[0].file, std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(stream), {}) == "abc");
}

TEST_CASE("An image sent twice is one image, one with other bytes is kept apart and logged",
          "[server][receiver]") {
  ReceiverFixture f;
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  CHECK(f.receive(image("1.2.1.1", "other")) == dicom::StoreStatus::success);
  f.file_all();
  const StudySummary summary = f.store->study(study_key("1.2")).value().summary;
  CHECK(summary.instances == 1);
  CHECK(summary.conflicts == 1);
  CHECK(f.logged().find("kept apart") != std::string::npos);
  CHECK(f.logged().find("study=" + study_key("1.2")) != std::string::npos);
  const std::string metrics = f.metrics.text({});
  CHECK(metrics.find("metserve_images_total{outcome=\"duplicate\"} 1") != std::string::npos);
}

TEST_CASE("A disk above its watermark refuses images as out of resources", "[server][receiver]") {
  ReceiverFixture f(std::uint64_t{1} << 62);
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::out_of_resources);
  CHECK_FALSE(f.store->study(study_key("1.2")));
  CHECK(f.logged().find("storage.min_free_mib") != std::string::npos);
}

TEST_CASE("From an image that is refused for want of room on, it counts as able anew", "[server][receiver]") {
  ReceiverFixture f;
  const auto from = f.receiver->able_since();
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  CHECK(f.receiver->able_since() == from);
  ReceiverFixture full(std::uint64_t{1} << 60);
  const auto before = std::chrono::steady_clock::now();
  CHECK(full.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::out_of_resources);
  const auto refused = full.receiver->able_since();
  CHECK(refused >= before);
  CHECK(full.receiver->able_since() > refused);  // still not
}

TEST_CASE("While images cannot be filed it says for what they wait, and files them when that comes back",
          "[server][receiver]") {
  ReceiverFixture f;
  rlimit usual{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  rlimit none = usual;
  none.rlim_cur = 3;  // all that are open stay so
  const auto waits = [&] {
    try {
      f.receiver->require_able();
    } catch (const Error& error) {
      return error.kind() == Error::Kind::out_of_resources;
    }
    return false;
  };
  const auto soon = [](const auto& holds) {
    for (int i = 0; i < 100 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return holds();
  };
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto answer = f.receive(image("1.2.1.1", "abc"));
  const bool waited = soon(waits);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK(answer == dicom::StoreStatus::success);
  CHECK(waited);
  CHECK(soon([&] { return !waits(); }));
  CHECK(f.state("1.2") == StudyState::receiving);
}

TEST_CASE("A sender that repeats what is refused does not fill the log", "[server][receiver]") {
  ReceiverFixture full(std::uint64_t{1} << 60);
  for (int i = 0; i < 500; ++i) full.receive(image("1.2.1.1", "abc"));
  const std::string log = full.logged();
  int lines = 0;
  for (std::size_t at = log.find("is refused"); at != std::string::npos; at = log.find("is refused", at + 1))
    ++lines;
  CHECK(lines == 200);
}

TEST_CASE("What is known already is answered at once and not written again", "[server][receiver]") {
  ReceiverFixture f;
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  f.file_all();
  const auto file = only_file_below(f.storage.directory() / "images");
  const auto written = std::filesystem::last_write_time(file);
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  f.file_all();
  CHECK(std::filesystem::last_write_time(file) == written);
}

TEST_CASE("Images of many associations at once are all filed, each once", "[server][receiver]") {
  ReceiverFixture f;
  std::vector<std::thread> associations;
  std::atomic<int> acknowledged{0};
  for (int thread = 0; thread < 8; ++thread) {
    associations.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        // Every image comes twice, over two associations, and the journal is too small for all.
        const std::string sop = "1.2.1." + std::to_string(thread / 2 * 20 + i);
        if (f.receive(image(sop, std::string(5000, 'x') + sop)) == dicom::StoreStatus::success)
          ++acknowledged;
      }
    });
  }
  for (std::thread& association : associations) association.join();
  f.file_all();
  CHECK(acknowledged == 160);
  CHECK(f.store->study(study_key("1.2")).value().summary.instances == 80);
  CHECK(f.store->study(study_key("1.2")).value().summary.conflicts == 0);
}

TEST_CASE(
    "When filing fails for good nothing more is accepted, and the next start files what was acknowledged",
    "[server][receiver]") {
  ReceiverFixture f;
  const auto folder = f.storage.directory() / "images" / study_key("1.2");
  std::ofstream(folder) << "in the way";
  CHECK(f.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  while (f.receive(image("1.2.1.2", "def")) == dicom::StoreStatus::success) std::this_thread::yield();
  CHECK_THROWS_WITH(f.receiver->require_able(), Catch::Contains("until the server is started again"));
  CHECK(f.logged().find("stay in the journal") != std::string::npos);
  f.receiver.reset();
  CHECK_FALSE(f.store->study(study_key("1.2")));

  std::filesystem::remove(folder);
  f.start();
  CHECK(f.store->study(study_key("1.2")).value().summary.instances >= 1);
  f.receiver->require_able();
}
