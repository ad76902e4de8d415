#include "server/delivery.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "dicom/error.h"
#include "server/backoff.h"
#include "tests/catch.h"
#include "tests/unit/server/service_fixture.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;
using Outcome = dicom::SendResult::Outcome;

namespace {

/// A destination that answers as the test says, and remembers what it was asked.
struct ScriptedDestination final : Destination {
  struct Script {
    std::mutex mutex;
    std::vector<dicom::SendResult> answers;  ///< to the objects of one result; none: our file cannot be read
    std::optional<dicom::Error> refusal;     ///< of storage commitment
    std::optional<std::size_t> until_stop;   ///< so many objects are sent when it is told to stop; none: all
    bool breaks = false;                     ///< with an error that is not of DICOM
    std::atomic<int> associations{0};
    std::string transaction_uid;
    std::vector<std::filesystem::path> files;
  };
  explicit ScriptedDestination(Script& s) : script(s) {}

  std::vector<dicom::SendResult> send(const std::vector<std::filesystem::path>& files,
                                      const std::stop_token& stop) override {
    const std::scoped_lock lock(script.mutex);
    ++script.associations;
    script.files = files;
    if (script.breaks) throw std::runtime_error("no memory");
    if (script.answers.empty()) throw dicom::Error(dicom::Error::Kind::io, "seg.dcm: cannot be read");
    auto answers = script.answers;
    while (script.until_stop && !stop.stop_requested()) std::this_thread::yield();
    answers.resize(script.until_stop.value_or(files.size()));
    return answers;
  }
  void request_commitment(const std::string& transaction_uid,
                          const std::vector<dicom::SopReference>&) override {
    const std::scoped_lock lock(script.mutex);
    if (script.refusal) throw dicom::Error(*script.refusal);
    script.transaction_uid = transaction_uid;
  }
  std::string verify() override { return ""; }

  Script& script;
};

/// A study with two objects for "pacs".
struct DeliveryFixture : StoreFixture {
  Storage storage{directory.path() / "storage", 0};
  Metrics metrics{"model", "1"};
  LogConfig log_config{LogLevel::info, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  std::filesystem::path audit_file = directory.path() / "audit";
  Audit audit{audit_file, [] { return TimePoint(); }, log};
  DestinationConfig destination;
  ScriptedDestination::Script script;
  std::unique_ptr<Delivery> delivery;

  DeliveryFixture() {
    destination.name = "pacs";
    destination.retry.first = std::chrono::seconds(30);
    add_result("1.2");
  }
  void add_result(const std::string& study) {
    store->finish(claim_new_study(study), "results/x/1",
                  {{"pacs", "seg", "results/x/1/seg.dcm"}, {"pacs", "report", "results/x/1/report.dcm"}});
  }
  void start() {
    delivery = std::make_unique<Delivery>(
        destination, std::make_unique<ScriptedDestination>(script),
        DeliveryContext{*store, storage, metrics, log, audit, "2.25", [this] { return now; }});
  }
  bool reaches(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  }
  void deliver() {
    start();
    reaches([this] { return deliveries("1.2")[0].tries > 0 && deliveries("1.2")[1].tries > 0; });
    delivery.reset();
  }
  std::string logged() const {
    std::ifstream file(*log_config.file);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<DeliverySummary> deliveries(const std::string& study) {
    return store->study(study_key(study)).value().deliveries;
  }
};

dicom::SendResult answered(Outcome outcome, std::uint16_t status = 0, const std::string& reason = "") {
  return {"", "", outcome, status, reason, status != 0 || outcome == Outcome::delivered};
}

}  // namespace

TEST_CASE("Delivered is what the destination answered with success, over one association",
          "[server][delivery]") {
  DeliveryFixture f;
  f.script.answers = {answered(Outcome::delivered), answered(Outcome::delivered)};
  f.deliver();
  CHECK(f.state("1.2") == StudyState::done);
  CHECK(f.script.associations == 1);
  CHECK(f.script.files.at(0) == f.storage.directory() / "results/x/1/seg.dcm");
  CHECK(audited_deliveries(f.audit_file) == 2);
}

TEST_CASE("A warning delivers and is remembered", "[server][delivery]") {
  DeliveryFixture f;
  f.script.answers = {answered(Outcome::delivered, 0xb000, "stored with warning 0xB000"),
                      answered(Outcome::delivered)};
  f.deliver();
  CHECK(f.state("1.2") == StudyState::done);
  CHECK(f.deliveries("1.2")[0].state == DeliveryState::delivered);
  CHECK(f.deliveries("1.2")[0].reason == "stored with warning 0xB000");
}

TEST_CASE("What failed for now waits, what is refused for good needs attention", "[server][delivery]") {
  DeliveryFixture f;
  f.script.answers = {answered(Outcome::transient, 0xa700, "out of resources"),
                      answered(Outcome::permanent, 0x0122, "no such SOP class")};
  f.deliver();
  const auto deliveries = f.deliveries("1.2");
  CHECK(deliveries[0].state == DeliveryState::pending);
  CHECK(deliveries[0].reason == "out of resources");
  CHECK(deliveries[0].next_try > f.now + std::chrono::seconds(22));
  CHECK(deliveries[0].next_try <= f.now + std::chrono::seconds(30));
  CHECK(deliveries[1].state == DeliveryState::attention);
  CHECK(deliveries[1].reason == "no such SOP class");
  CHECK(f.script.associations == 1);
}

TEST_CASE("What a destination says in words is for those who look at the study, not for the log",
          "[server][delivery]") {
  DeliveryFixture f;
  const auto outcome = GENERATE(Outcome::delivered, Outcome::transient, Outcome::permanent);
  dicom::SendResult answer = answered(outcome, 0xb000, "status 0xB000");
  answer.comment = "Patient DOE^JOHN ID 4711 mismatch";
  f.script.answers = {answer, answered(Outcome::delivered)};
  f.deliver();
  CHECK(f.deliveries("1.2")[0].reason == "status 0xB000: Patient DOE^JOHN ID 4711 mismatch");
  CHECK_THAT(f.logged(), Catch::Contains("status 0xB000") && !Catch::Contains("4711"));
}

TEST_CASE("A result file that cannot be read needs attention", "[server][delivery]") {
  DeliveryFixture f;
  f.deliver();
  for (const auto& delivery : f.deliveries("1.2")) {
    CHECK(delivery.state == DeliveryState::attention);
    CHECK(delivery.reason == "seg.dcm: cannot be read");
  }
}

TEST_CASE("What a stop leaves unsent is due at once, and no try of it counts", "[server][delivery]") {
  DeliveryFixture f;
  f.script.answers = {answered(Outcome::delivered)};
  f.script.until_stop = 1;
  f.start();
  REQUIRE(f.reaches([&] { return f.script.associations == 1; }));
  f.delivery.reset();
  CHECK(f.deliveries("1.2")[0].state == DeliveryState::delivered);
  const auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  REQUIRE(claim.items.size() == 1);
  CHECK(claim.items[0].object == "report");
  CHECK(claim.items[0].tries == 0);
}

TEST_CASE("An error that is not of DICOM leaves nothing leased", "[server][delivery]") {
  DeliveryFixture f;
  f.script.breaks = true;
  f.start();
  REQUIRE(f.reaches([&] { return f.script.associations > 0; }));
  f.delivery.reset();
  CHECK(f.store->claim_deliveries("pacs", "here", one_minute).value().items.size() == 2);
}

TEST_CASE("A destination that is away is tried with one result, and when it is back with all",
          "[server][delivery]") {
  DeliveryFixture f;
  for (const char* study : {"1.3", "1.4", "1.5"}) f.add_result(study);
  const auto away = answered(Outcome::transient, 0, "no connection");
  f.script.answers = {away, away};
  f.start();
  REQUIRE(f.reaches([&] { return f.deliveries("1.2")[1].tries == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));  // longer than it looks for work
  CHECK(f.script.associations == 1);
  {
    const std::scoped_lock lock(f.script.mutex);
    f.script.answers = {answered(Outcome::delivered), answered(Outcome::delivered)};
  }
  f.delivery->wake();
  for (const char* study : {"1.2", "1.3", "1.4", "1.5"}) {
    CHECK(f.reaches([&] { return f.state(study) == StudyState::done; }));
  }
}

namespace {

/// The same with files that can be read, at a destination that is asked for storage commitment.
struct CommittingFixture : DeliveryFixture {
  CommittingFixture() {
    const auto images = write_one_sequence_study(models::Slot::flair, directory.path() / "study");
    const auto result = storage.directory() / "results/x/1";
    std::filesystem::create_directories(result);
    std::filesystem::copy_file(images[0], result / "seg.dcm");
    std::filesystem::copy_file(images[1], result / "report.dcm");
    destination.storage_commitment = true;
    script.answers = {answered(Outcome::delivered), answered(Outcome::delivered)};
  }
};

}  // namespace

TEST_CASE("What is stored is asked about, once and under a transaction of its own", "[server][delivery]") {
  CommittingFixture f;
  f.start();
  const auto asked = [&] {
    const std::scoped_lock lock(f.script.mutex);
    return f.script.transaction_uid;
  };
  REQUIRE(f.reaches([&] { return !asked().empty(); }));
  CHECK(f.deliveries("1.2")[0].state == DeliveryState::stored);
  CHECK(audited_deliveries(f.audit_file) == 0);
  CHECK(f.store->claim_transaction(asked(), "here", one_minute).value().items.size() == 2);
}

TEST_CASE("A destination that knows no storage commitment needs attention", "[server][delivery]") {
  CommittingFixture f;
  f.script.refusal.emplace(dicom::Error::Kind::peer_permanent, "no presentation context");
  f.start();
  REQUIRE(f.reaches([&] { return f.deliveries("1.2")[1].state == DeliveryState::attention; }));
  CHECK(f.deliveries("1.2")[0].reason == "no presentation context");
}

TEST_CASE("The wait doubles up to its cap and is never longer", "[server][delivery]") {
  const RetryConfig retry{std::chrono::seconds(30), std::chrono::seconds(300)};
  using std::chrono::milliseconds;
  CHECK(backoff(retry, 0, 0) == milliseconds(30000));
  CHECK(backoff(retry, 1, 0) == milliseconds(60000));
  CHECK(backoff(retry, 3, 0) == milliseconds(240000));
  CHECK(backoff(retry, 4, 0) == milliseconds(300000));
  CHECK(backoff(retry, 1000000, 0) == milliseconds(300000));
  CHECK(backoff(retry, 0, 1) == milliseconds(22500));
}
