// What is stored waits for its destination's commitment to keep it.

#include <sqlite3.h>

#include "server/commitment.h"
#include "server/config.h"
#include "server/sqlite_schema.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;

namespace {

/// Two objects stored at "pacs" that were asked about under "2.25.7".
struct AskedFixture : StoreFixture {
  Metrics metrics{"model", "1"};
  LogConfig log_config{LogLevel::error, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  std::filesystem::path audit_file = directory.path() / "audit";
  Audit audit{audit_file, [] { return TimePoint(); }, log};

  AskedFixture() {
    store->finish(claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}, {"pacs", "report", "t"}});
    const auto sent = store->claim_deliveries("pacs", "here", one_minute).value();
    store->record_stored(sent, sent.items[0], "1.1");
    store->record_stored(sent, sent.items[1], "1.2");
    store->record_asked(store->claim_stored("pacs", "here", one_minute).value(), "2.25.7", one_minute);
  }
  bool report(const std::vector<std::string>& committed,
              const std::vector<dicom::CommitmentReport::Failure>& failed) {
    return record_commitment({"PACS", "2.25.7", committed, failed}, context());
  }
  CommitmentContext context() {
    const RetryConfig patient{.first = std::chrono::seconds(100), .cap = std::chrono::seconds(1000)};
    return {*store, metrics, log, audit, "here", [patient](const std::string&) { return patient; }};
  }
  std::vector<DeliverySummary> deliveries() { return store->study(study_key("1.2")).value().deliveries; }
};

}  // namespace

TEST_CASE("Stored is delivered once the destination has committed to keep it", "[server][commitment]") {
  AskedFixture f;
  CHECK(f.deliveries()[0].state == DeliveryState::stored);
  CHECK(f.state("1.2") == StudyState::delivering);
  CHECK_FALSE(f.store->claim_deliveries("pacs", "here", one_minute));
  CHECK(f.report({"1.1", "1.2"}, {}));
  CHECK(f.state("1.2") == StudyState::done);
  CHECK(f.report({"1.1", "1.2"}, {}));  // again, because our answer got lost
  CHECK(audited_deliveries(f.audit_file) == 2);
}

TEST_CASE("What the destination does not keep is sent again or needs attention", "[server][commitment]") {
  AskedFixture f;
  CHECK(f.report({}, {{"1.1", 0x0112}, {"1.2", 0x0122}}));
  const auto deliveries = f.deliveries();
  CHECK(deliveries[0].state == DeliveryState::pending);
  CHECK_THAT(deliveries[0].reason, Catch::Contains("not committed to: 0x0112"));
  CHECK(deliveries[0].next_try == f.now + std::chrono::seconds(100));  // its first failure
  CHECK(deliveries[1].state == DeliveryState::attention);
}

TEST_CASE("What a report does not speak of is asked about again in time", "[server][commitment]") {
  AskedFixture f;
  CHECK(f.report({"1.1"}, {}));
  CHECK_FALSE(f.store->claim_stored("pacs", "here", one_minute));
  f.now += one_minute;
  const auto again = f.store->claim_stored("pacs", "here", one_minute).value();
  REQUIRE(again.items.size() == 1);
  CHECK(again.items[0].sop_instance_uid == "1.2");
}

TEST_CASE("A report that comes after its question was put again counts", "[server][commitment]") {
  AskedFixture f;
  f.now += one_minute;
  f.store->record_asked(f.store->claim_stored("pacs", "here", one_minute).value(), "2.25.8", one_minute);
  CHECK(f.report({"1.1", "1.2"}, {}));
  CHECK(f.state("1.2") == StudyState::done);
}

TEST_CASE("What an earlier version asked for is remembered", "[server][commitment]") {
  AskedFixture f;
  f.store.reset();
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open((f.directory.path() / "metserve.db").c_str(), &raw) == SQLITE_OK);
  const std::string as_before = R"sql(
    ALTER TABLE deliveries ADD COLUMN transaction_uid TEXT NOT NULL DEFAULT '';
    UPDATE deliveries SET transaction_uid = '2.25.7';
    CREATE INDEX deliveries_by_transaction ON deliveries (transaction_uid);
    DROP TABLE commitments;
    ALTER TABLE deliveries DROP COLUMN may_have_arrived; ALTER TABLE studies DROP COLUMN shortages; PRAGMA user_version = )sql" +
                                std::to_string(current_schema() - 2);
  REQUIRE(sqlite3_exec(raw, as_before.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(raw);
  f.store = f.open();
  CHECK(f.store->study(study_key("1.2")).value().results.at(0).arrived);
  CHECK(f.report({"1.1", "1.2"}, {}));
  CHECK(f.state("1.2") == StudyState::done);
}

TEST_CASE("A report about a transaction that nobody asked for is refused", "[server][commitment]") {
  AskedFixture f;
  CHECK_FALSE(record_commitment({"PACS", "2.25.8", {"1.1"}, {}}, f.context()));
  CHECK_FALSE(record_commitment({"PACS", "", {"1.1"}, {}}, f.context()));
  CHECK(f.deliveries()[0].state == DeliveryState::stored);
}

TEST_CASE("A report for objects that were superseded meanwhile changes nothing", "[server][commitment]") {
  AskedFixture f;
  f.store->retry_study(study_key("1.2"));
  f.store->finish(f.store->claim("here", one_minute).value(), "r2", {{"pacs", "seg", "s2"}});
  CHECK(f.report({"1.1", "1.2"}, {}));
  CHECK(f.deliveries()[0].state == DeliveryState::superseded);
  CHECK(f.deliveries()[2].state == DeliveryState::pending);
}

TEST_CASE("At a destination that is not asked any more, stored is delivered", "[server][commitment]") {
  AskedFixture f;
  DestinationConfig destination;
  destination.name = "pacs";
  destination.storage_commitment = true;
  f.store->review_deliveries({destination});
  CHECK(f.deliveries()[0].state == DeliveryState::stored);
  destination.storage_commitment = false;
  f.store->review_deliveries({destination});
  CHECK(f.state("1.2") == StudyState::done);
}
