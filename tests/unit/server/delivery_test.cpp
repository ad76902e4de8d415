#include "server/delivery.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "dicom/error.h"
#include "server/backoff.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;
using Outcome = dicom::SendResult::Outcome;

namespace {

/// A study with two objects for "pacs", and what the peer answers to the n-th of them.
struct DeliveryFixture : StoreFixture {
  Storage storage{directory.path() / "storage", 0};
  Metrics metrics{"model", "1"};
  LogConfig log_config{LogLevel::error, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  std::vector<dicom::SendResult> answers;
  std::atomic<int> associations{0};
  dicom::Peer called;

  DeliveryFixture() {
    store->finish(claim_new_study("1.2"), "results/x/1",
                  {{"pacs", "seg", "results/x/1/seg.dcm"}, {"pacs", "report", "results/x/1/report.dcm"}});
  }

  std::vector<dicom::SendResult> answer(const dicom::Peer& peer,
                                        const std::vector<std::filesystem::path>& files) {
    called = peer;
    CHECK(files.at(0) == storage.directory() / "results/x/1/seg.dcm");
    if (answers.empty()) throw dicom::Error(dicom::Error::Kind::io, "seg.dcm: cannot be read");
    return answers;
  }

  void deliver() {
    const DestinationConfig destination{"pacs", "pacs.local", 104, "PACS", {}, {std::chrono::seconds(30)}};
    DeliveryContext context{
        *store, storage, metrics, log, "METSERVE", [this](const auto& peer, const auto& files) {
          auto results = answer(peer, files);
          ++associations;
          return results;
        }};
    Delivery delivery(destination, context);
    for (int i = 0; i < 500 && settled() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::vector<DeliverySummary> deliveries() { return store->study(study_key("1.2")).value().deliveries; }
  int settled() {
    int count = 0;
    for (const auto& one : deliveries()) count += one.tries > 0 ? 1 : 0;
    return count;
  }
};

dicom::SendResult answered(Outcome outcome, const std::string& reason = "") {
  return {"", "", outcome, 0, reason};
}

}  // namespace

TEST_CASE("Delivered is what the peer answered with success, over one association", "[server][delivery]") {
  DeliveryFixture f;
  f.answers = {answered(Outcome::delivered), answered(Outcome::delivered)};
  f.deliver();
  CHECK(f.state("1.2") == StudyState::done);
  CHECK(f.associations == 1);
  CHECK(f.called.host == "pacs.local");
  CHECK(f.called.called_ae_title == "PACS");
  CHECK(f.called.calling_ae_title == "METSERVE");
}

TEST_CASE("What failed for now waits, what is refused for good needs attention", "[server][delivery]") {
  DeliveryFixture f;
  f.answers = {answered(Outcome::transient, "out of resources"),
               answered(Outcome::permanent, "no such SOP class")};
  f.deliver();
  const auto deliveries = f.deliveries();
  CHECK(deliveries[0].state == DeliveryState::pending);
  CHECK(deliveries[0].reason == "out of resources");
  CHECK(deliveries[0].next_try > f.now + std::chrono::seconds(22));
  CHECK(deliveries[0].next_try <= f.now + std::chrono::seconds(30));
  CHECK(deliveries[1].state == DeliveryState::attention);
  CHECK(deliveries[1].reason == "no such SOP class");
  CHECK(f.associations == 1);
}

TEST_CASE("A result file that cannot be read needs attention", "[server][delivery]") {
  DeliveryFixture f;
  f.deliver();
  for (const auto& delivery : f.deliveries()) {
    CHECK(delivery.state == DeliveryState::attention);
    CHECK(delivery.reason == "seg.dcm: cannot be read");
  }
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
