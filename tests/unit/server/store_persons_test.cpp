// What persons ask of the store: every transition that they can make, and those that they cannot.

#include <sqlite3.h>

#include "server/administration.h"
#include "server/error.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;
using metserve::models::Slot;

namespace {

constexpr const char* series_1 = "1.2.1";
const std::string key = study_key("1.2");

SeriesFinding found(const std::string& uid, const std::string& decision, std::optional<Slot> slot) {
  return {uid, 8, "AX BRAVO", 176, slot, decision, 0.4, "nothing tells whether it was acquired before"};
}

/// A study of two series that is held because of the second.
struct HeldStudy : StoreFixture {
  HeldStudy() {
    InstanceRecord second = instance("1.2", "1.2.2.1");
    second.series_instance_uid = "1.2.2";
    store->add_instances(std::span(&second, 1));
    const Claim claim = claim_new_study("1.2");
    const std::vector series{found(series_1, "used", Slot::t1_se_post),
                             found("1.2.2", "ambiguous", Slot::t1_gre_post)};
    store->record_series(claim, series);
    store->set_aside(claim, StudyState::held, "a person has to decide about series 8");
  }
  StudyDetails details() { return store->study(key).value(); }
};

/// A study whose one object has arrived.
void finish_and_deliver(StoreFixture& f, const Claim& claim) {
  f.store->finish(claim, "results/x/" + std::to_string(claim.revision), {{"pacs", "seg", "seg.dcm"}});
  const auto delivery = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_delivered(delivery, delivery.items[0], "");
}

}  // namespace

TEST_CASE("A held study shows its series and goes on without the ambiguous one when it is released",
          "[server][store]") {
  HeldStudy f;
  REQUIRE(f.details().series.size() == 2);
  CHECK(f.details().series[1].decision == "ambiguous");
  CHECK(f.details().series[1].slot == Slot::t1_gre_post);
  CHECK(f.details().series[1].series_number == 8);
  CHECK(f.details().series[1].confidence == 0.4);

  f.store->release_study(key, {});
  CHECK(f.state("1.2") == StudyState::ready);
  const Claim claim = f.store->claim("here", one_minute).value();
  CHECK(claim.tries == 1);
  CHECK(claim.decisions == SeriesDecisions{{"1.2.2", std::nullopt}});
}

TEST_CASE("The parts of one series are found to be what each is, and none that is used is left out unseen",
          "[server][store]") {
  StoreFixture f;
  const Claim claim = f.claim_new_study("1.2");
  const std::vector parts{found(series_1, "ambiguous", std::nullopt), found(series_1, "used", Slot::flair),
                          found(series_1, "rejected", std::nullopt),
                          found("1.2.2", "ambiguous", std::nullopt)};
  f.store->record_series(claim, parts);
  f.store->record_series(claim, parts);  // of a second try
  f.store->set_aside(claim, StudyState::held, "a person has to decide about series 8");
  const auto series = f.store->study(key).value().series;
  REQUIRE(series.size() == 4);
  CHECK(series[1].decision == "used");
  CHECK(series[1].slot == Slot::flair);
  CHECK(kind_of_error([&] { f.store->release_study(key, {}); }) == Error::Kind::bad_call);
  CHECK(f.state("1.2") == StudyState::held);
  f.store->release_study(key, {{series_1, Slot::flair}});
  CHECK(f.store->study(key).value().decisions ==
        SeriesDecisions{{series_1, Slot::flair}, {"1.2.2", std::nullopt}});
}

TEST_CASE("A person's decision about a series is kept, also when images come later", "[server][store]") {
  HeldStudy f;
  f.store->release_study(key, {{"1.2.2", Slot::t1_gre_post}});
  f.add("1.2", "1.2.1.9");
  CHECK(f.state("1.2") == StudyState::receiving);
  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
  f.reopen();
  const Claim claim = f.store->claim("here", one_minute).value();
  CHECK(claim.decisions == SeriesDecisions{{"1.2.2", Slot::t1_gre_post}});
  f.store->set_aside(claim, StudyState::held, "still");
  f.store->release_study(key, {{series_1, Slot::t1_gre_post}});
  CHECK(f.details().decisions.at(series_1) == Slot::t1_gre_post);
  CHECK(f.details().decisions.at("1.2.2") == std::nullopt);
}

TEST_CASE("Decisions that cannot be are refused and change nothing", "[server][store]") {
  HeldStudy f;
  CHECK(kind_of_error([&] { f.store->release_study(key, {{"9.9", Slot::flair}}); }) == Error::Kind::bad_call);
  CHECK(kind_of_error([&] {
          f.store->release_study(key, {{series_1, Slot::flair}, {"1.2.2", Slot::flair}});
        }) == Error::Kind::bad_call);
  CHECK(f.state("1.2") == StudyState::held);
  CHECK(f.details().decisions.empty());
}

TEST_CASE("A finished study that is tried again gives a result that supersedes the first",
          "[server][store]") {
  StoreFixture f;
  finish_and_deliver(f, f.claim_new_study("1.2"));
  REQUIRE(f.state("1.2") == StudyState::done);
  f.store->retry_study(key);
  CHECK(f.state("1.2") == StudyState::ready);
  finish_and_deliver(f, f.store->claim("here", one_minute).value());
  CHECK(f.state("1.2") == StudyState::done);
  const auto results = f.store->study(key).value().results;
  REQUIRE(results.size() == 2);
  CHECK(results[0].superseded);
  CHECK_FALSE(results[1].superseded);
  CHECK(results[0].arrived);
  CHECK(results[1].revision > results[0].revision);
}

TEST_CASE("A study that was set aside after crashes is tried again with all its tries", "[server][store]") {
  StoreFixture f;
  f.claim_new_study("1.2");
  f.store->reclaim_own("here", 1);
  REQUIRE(f.state("1.2") == StudyState::failed);
  f.store->retry_study(key);
  CHECK(f.store->claim("here", one_minute).value().tries == 1);
}

TEST_CASE("A finished study can be decided about, and is segmented again", "[server][store]") {
  StoreFixture f;
  finish_and_deliver(f, f.claim_new_study("1.2"));
  CHECK(kind_of_error([&] { f.store->release_study(key, {}); }) == Error::Kind::wrong_state);
  f.store->release_study(key, {{series_1, std::nullopt}});
  CHECK(f.state("1.2") == StudyState::ready);
}

TEST_CASE("What is received, ready or in work is in no state for a person's orders", "[server][store]") {
  StoreFixture f;
  f.add("1.2", "1.2.1.1");
  const auto refuse_all = [&] {
    CHECK(kind_of_error([&] { f.store->retry_study(key); }) == Error::Kind::wrong_state);
    CHECK(kind_of_error([&] { f.store->release_study(key, {}); }) == Error::Kind::wrong_state);
    CHECK(kind_of_error([&] {
            f.store->release_study(key, {{series_1, Slot::flair}});
          }) == Error::Kind::wrong_state);
    CHECK(kind_of_error([&] { f.store->resend_study(key, {"pacs"}); }) == Error::Kind::wrong_state);
  };
  refuse_all();
  CHECK(kind_of_error([&] { f.store->remove_study(key); }) == Error::Kind::wrong_state);
  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
  refuse_all();
  REQUIRE(f.store->claim("here", one_minute));
  refuse_all();
  CHECK(kind_of_error([&] { f.store->remove_study(key); }) == Error::Kind::wrong_state);
  CHECK(kind_of_error([&] { f.store->retry_study("ffff"); }) == Error::Kind::not_found);
  CHECK(kind_of_error([&] { f.store->remove_study("ffff"); }) == Error::Kind::not_found);
}

TEST_CASE("Results are sent again at once, to one destination or to all", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}, {"tps", "seg", "s"}});
  for (const std::string destination : {"pacs", "tps"}) {
    const auto claim = f.store->claim_deliveries(destination, "here", one_minute).value();
    if (destination == "pacs") {
      f.store->record_delivered(claim, claim.items[0], "");
    } else {
      f.store->record_attention(claim, claim.items[0], "unknown AE title");
    }
  }
  CHECK(f.store->studies({std::nullopt, true, 10}).at(0).attention == 1);
  f.store->resend_study(key, {"tps"});
  CHECK(f.store->studies({std::nullopt, true, 10}).empty());
  CHECK_FALSE(f.store->claim_deliveries("pacs", "here", one_minute));
  const auto again = f.store->claim_deliveries("tps", "here", one_minute).value();
  CHECK(again.items.at(0).tries == 0);
  f.store->record_delivered(again, again.items[0], "");
  REQUIRE(f.state("1.2") == StudyState::done);

  f.store->resend_study(key, {"pacs", "tps"});
  CHECK(f.state("1.2") == StudyState::delivering);
  CHECK(f.store->studies({}).at(0).undelivered == 2);
  CHECK(f.store->study(key).value().results.at(0).arrived);  // before, and it still lies there
  CHECK(kind_of_error([&] { f.store->resend_study(key, {"elsewhere"}); }) == Error::Kind::wrong_state);
  CHECK(kind_of_error([&] { f.store->resend_study(key, {}); }) == Error::Kind::wrong_state);
}

TEST_CASE("What was sent and not answered may have arrived", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}});
  const auto arrived = [&f] { return f.store->study(key).value().results.at(0).arrived; };
  auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_retry(claim, claim.items[0], one_minute, "no connection", false);
  CHECK_FALSE(arrived());
  f.now += one_minute;
  claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_retry(claim, claim.items[0], one_minute, "no answer in time", true);
  CHECK(arrived());
}

TEST_CASE("Results are not sent again to a destination that is no longer configured", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}, {"old", "seg", "s"}});
  std::vector<DestinationConfig> configured(1);
  configured[0].name = "pacs";
  f.store->review_deliveries(configured);
  Storage storage(f.directory.path() / "storage", 0);
  const Log log({LogLevel::debug, LogFormat::text, f.directory.path() / "log"});
  Audit audit(
      std::nullopt, [&] { return f.now; }, log);
  Administration administration({storage, *f.store, configured, log, audit, [] {}});
  administration.resend(key, "");
  const auto deliveries = f.store->study(key).value().deliveries;
  CHECK(deliveries[0].state == DeliveryState::pending);
  CHECK(deliveries[1].state == DeliveryState::attention);
  CHECK(f.store->studies({std::nullopt, true, 10}).size() == 1);

  configured[0].name = "new";
  CHECK_THROWS_WITH(administration.resend(key, ""), Catch::Contains("nothing for new"));
  configured.clear();
  CHECK_THROWS_WITH(administration.resend(key, ""), Catch::Contains("nothing for a destination of the"));
  CHECK(kind_of_error([&] { administration.resend(key, "old"); }) == Error::Kind::bad_call);
}

TEST_CASE("A study is deleted with all that belongs to it, whatever its state", "[server][store]") {
  HeldStudy f;
  f.store->remove_study(key);
  CHECK_FALSE(f.store->study(key));
  CHECK(f.add("1.2", "1.2.1.1") == AddOutcome::added);
  CHECK(f.state("1.2") == StudyState::receiving);
}

TEST_CASE("An object that is no MR image re-arms nothing: a result that comes back makes no circle",
          "[server][store]") {
  StoreFixture f;
  finish_and_deliver(f, f.claim_new_study("1.2"));
  InstanceRecord result = StoreFixture::instance("1.2", "1.2.9.1");
  result.modality = "SEG";
  CHECK(f.store->add_instances(std::span(&result, 1)).front() == AddOutcome::added);
  CHECK(f.state("1.2") == StudyState::done);

  const Claim claim = f.claim_new_study("1.3");
  result = StoreFixture::instance("1.3", "1.3.9.1");
  result.modality = "SR";
  f.store->add_instances(std::span(&result, 1));
  CHECK(f.store->finish(claim, "r", {}) == FinishOutcome::recorded);
}

TEST_CASE("A database of the first version is brought up to date and keeps what it holds",
          "[server][store]") {
  StoreFixture f;
  f.add("1.2", "1.2.1.1");
  f.store.reset();
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open((f.directory.path() / "metserve.db").c_str(), &raw) == SQLITE_OK);
  REQUIRE(sqlite3_exec(raw, R"sql(
            DROP TABLE series; DROP TABLE decisions; DROP TABLE commitments;
            ALTER TABLE deliveries DROP COLUMN sop_instance_uid;
            ALTER TABLE deliveries DROP COLUMN may_have_arrived; ALTER TABLE studies DROP COLUMN shortages;
            ALTER TABLE deliveries DROP COLUMN lease; DROP TABLE claims;
            ALTER TABLE studies DROP COLUMN suspect; ALTER TABLE studies DROP COLUMN deaths;
            DROP TABLE own_series; DROP INDEX studies_by_patient;
            ALTER TABLE studies DROP COLUMN patient_key; ALTER TABLE studies DROP COLUMN studied;
            ALTER TABLE studies DROP COLUMN finished_ms;
            ALTER TABLE instances RENAME COLUMN digest TO sha256;
            ALTER TABLE conflicts RENAME COLUMN digest TO sha256;
            PRAGMA user_version = 1)sql",
                       nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(raw);
  f.store = f.open();
  CHECK(f.state("1.2") == StudyState::receiving);
  CHECK(f.store->study(key).value().series.empty());
  CHECK_FALSE(f.store->predecessor({"", "2024"}));
}

TEST_CASE("A conflict that was recorded with another study goes to the one that has its file",
          "[server][store]") {
  StoreFixture f;
  f.add("1.2", "1.2.1.1");
  f.add("1.2", "1.2.1.1", "b");
  f.add("1.3", "1.3.1.1");
  f.store.reset();
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open((f.directory.path() / "metserve.db").c_str(), &raw) == SQLITE_OK);
  const auto of_another = [](const std::string& study) {
    return "INSERT INTO conflicts SELECT sop_instance_uid, 'digest of " + study +
           "', study_id, 'PACS', 'images/" + study_key(study) + "/x.dcm', 0 FROM conflicts LIMIT 1;";
  };
  const std::string as_before = R"sql(
    ALTER TABLE conflicts RENAME TO later;
    CREATE TABLE conflicts (
      sop_instance_uid TEXT NOT NULL REFERENCES instances (sop_instance_uid) ON DELETE CASCADE,
      digest TEXT NOT NULL, study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      calling_ae_title TEXT NOT NULL, file TEXT NOT NULL, received_ms INTEGER NOT NULL,
      PRIMARY KEY (sop_instance_uid, digest));
    INSERT INTO conflicts SELECT * FROM later;
    DROP TABLE later;
    ALTER TABLE deliveries DROP COLUMN may_have_arrived; ALTER TABLE studies DROP COLUMN shortages;
    ALTER TABLE deliveries DROP COLUMN lease; DROP TABLE claims;
    ALTER TABLE deliveries ADD COLUMN transaction_uid TEXT NOT NULL DEFAULT '';
    CREATE INDEX deliveries_by_transaction ON deliveries (transaction_uid); DROP TABLE commitments;
    PRAGMA user_version = 8;)sql" +
                                of_another("1.3") + of_another("1.4");
  REQUIRE(sqlite3_exec(raw, as_before.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(raw);
  f.store = f.open();
  CHECK(f.store->study(study_key("1.2")).value().summary.conflicts == 1);
  CHECK(f.store->study(study_key("1.3")).value().summary.conflicts == 1);
  CHECK(f.store->known("1.2.1.1", "digest of 1.3") == AddOutcome::conflict);
  CHECK_FALSE(f.store->known("1.2.1.1", "digest of 1.4"));  // its folder is discarded at the start
}
