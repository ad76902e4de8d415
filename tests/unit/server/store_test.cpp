#include <vector>

#include "server/config.h"
#include "server/error.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;
using metserve::TemporaryDirectory;
using std::chrono::seconds;

namespace {

DestinationConfig destination_named(const std::string& name) {
  DestinationConfig destination;
  destination.name = name;
  return destination;
}

std::vector<std::string> notes(StoreFixture& fixture, const std::string& study) {
  std::vector<std::string> all;
  const StudyDetails details = fixture.store->study(study_key(study)).value();
  for (const auto& entry : details.history) {
    all.push_back(std::string(to_string(entry.state)) + ": " + entry.note);
  }
  return all;
}

}  // namespace

TEST_CASE("Whether the database takes a write is tried with one, also where there is no study",
          "[server][store]") {
  StoreFixture f;
  const auto log = f.directory.path() / "metserve.db-wal";
  const auto before = std::filesystem::file_size(log);
  f.store->check_writable();
  CHECK(std::filesystem::file_size(log) > before);
  f.reopen();  // it has changed nothing
  CHECK(f.add("1.2", "1.2.1.1") == AddOutcome::added);
}

TEST_CASE("A study goes from its first image to done, and its history tells", "[server][store]") {
  StoreFixture f;
  CHECK(f.add("1.2", "1.2.1.1") == AddOutcome::added);
  CHECK(f.state("1.2") == StudyState::receiving);
  CHECK_FALSE(f.store->claim("here", one_minute));
  f.now += one_minute;
  CHECK(f.store->make_quiet_studies_ready(one_minute) == std::vector{study_key("1.2")});
  const Claim claim = f.store->claim("here", one_minute).value();
  CHECK(claim.key == study_key("1.2"));
  CHECK(claim.tries == 1);
  CHECK(claim.images.size() == 1);
  CHECK(f.state("1.2") == StudyState::running);
  CHECK(f.store->finish(claim, "results/x/1", {{"pacs", "seg", "seg.dcm"}}) == FinishOutcome::recorded);
  CHECK(f.state("1.2") == StudyState::delivering);
  const DeliveryClaim delivery = f.store->claim_deliveries("pacs", "here", one_minute).value();
  REQUIRE(delivery.items.size() == 1);
  CHECK(delivery.items[0].file == "seg.dcm");
  f.store->record_delivered(delivery, delivery.items[0], "");
  CHECK(f.state("1.2") == StudyState::done);
  CHECK(notes(f, "1.2") ==
        std::vector<std::string>{"receiving: first image, from PACS", "ready: quiet",
                                 "running: try 1, by here", "delivering: 1 objects to deliver",
                                 "delivering: seg is delivered to pacs", "done: everything is delivered"});
}

TEST_CASE("A study that still receives images is not ready", "[server][store]") {
  StoreFixture f;
  f.add("1.2", "1.2.1.1");
  f.now += seconds(59);
  CHECK(f.store->make_quiet_studies_ready(one_minute).empty());
  f.add("1.2", "1.2.1.2");
  f.now += seconds(59);
  CHECK(f.store->make_quiet_studies_ready(one_minute).empty());
  f.now += seconds(1);
  CHECK(f.store->make_quiet_studies_ready(one_minute).size() == 1);
}

TEST_CASE("The same bytes again change nothing, other bytes are kept apart", "[server][store]") {
  StoreFixture f;
  CHECK_FALSE(f.store->known("1.2.1.1", f.digest_of("a")));
  f.add("1.2", "1.2.1.1");
  const Claim claim = [&] {
    f.now += one_minute;
    f.store->make_quiet_studies_ready(one_minute);
    return f.store->claim("here", one_minute).value();
  }();
  f.store->finish(claim, "r", {});
  CHECK(f.state("1.2") == StudyState::done);

  CHECK(f.add("1.2", "1.2.1.1") == AddOutcome::duplicate);
  CHECK(f.store->known("1.2.1.1", f.digest_of("a")) == AddOutcome::duplicate);
  CHECK(f.add("1.2", "1.2.1.1", "b") == AddOutcome::conflict);
  CHECK(f.add("1.2", "1.2.1.1", "b") == AddOutcome::conflict);
  CHECK(f.store->known("1.2.1.1", f.digest_of("b")) == AddOutcome::conflict);

  const StudySummary summary = f.store->study(study_key("1.2")).value().summary;
  CHECK(summary.state == StudyState::done);
  CHECK(summary.instances == 1);
  CHECK(summary.conflicts == 1);
}

TEST_CASE("A SOP Instance UID that comes in two studies is an image of each", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {});
  CHECK(f.add("9.9", "1.2.1.1", "b") == AddOutcome::added);
  CHECK(f.store->known("1.2.1.1", f.digest_of("a")) == AddOutcome::duplicate);
  CHECK(f.store->known("1.2.1.1", f.digest_of("b")) == AddOutcome::duplicate);
  CHECK(f.state("1.2") == StudyState::done);
  CHECK(f.state("9.9") == StudyState::receiving);
  CHECK(f.add("9.9", "1.2.1.1", "c") == AddOutcome::conflict);
  CHECK(f.store->study(study_key("9.9")).value().summary.conflicts == 1);

  f.store->remove_study(study_key("1.2"));
  CHECK_FALSE(f.store->known("1.2.1.1", f.digest_of("a")));
  CHECK(f.store->known("1.2.1.1", f.digest_of("b")) == AddOutcome::duplicate);
  CHECK(f.store->known("1.2.1.1", f.digest_of("c")) == AddOutcome::conflict);
  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
  f.store->remove_study(study_key("9.9"));
  CHECK_FALSE(f.store->known("1.2.1.1", f.digest_of("b")));
  CHECK_FALSE(f.store->known("1.2.1.1", f.digest_of("c")));
}

TEST_CASE("Two copies of an image in one batch are one image", "[server][store]") {
  StoreFixture f;
  const std::vector batch{StoreFixture::instance("1.2", "1.2.1.1"), StoreFixture::instance("1.2", "1.2.1.1"),
                          StoreFixture::instance("1.2", "1.2.1.2"), StoreFixture::instance("1.3", "1.3.1.1")};
  const auto outcomes = f.store->add_instances(batch);
  CHECK((outcomes ==
         std::vector{AddOutcome::added, AddOutcome::duplicate, AddOutcome::added, AddOutcome::added}));
  CHECK(f.store->studies({}).size() == 2);
}

TEST_CASE("A late image re-arms a finished study and its new result supersedes the old one",
          "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "results/x/1",
                  {{"pacs", "seg", "old.dcm"}, {"pacs", "report", "old"}});
  const DeliveryClaim first = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_delivered(first, first.items[0], "");
  f.store->record_retry(first, first.items[1], one_minute, "busy", false);

  CHECK(f.add("1.2", "1.2.2.1") == AddOutcome::added);
  CHECK(f.state("1.2") == StudyState::receiving);
  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
  const Claim again = f.store->claim("here", one_minute).value();
  CHECK(again.revision == 2);
  CHECK(again.tries == 1);
  CHECK(again.images.size() == 2);
  f.store->finish(again, "results/x/2", {{"pacs", "seg", "new.dcm"}});

  const auto deliveries = f.store->study(study_key("1.2")).value().deliveries;
  REQUIRE(deliveries.size() == 3);
  CHECK(deliveries[0].state == DeliveryState::delivered);
  CHECK(deliveries[1].state == DeliveryState::superseded);
  CHECK(deliveries[2].state == DeliveryState::pending);
  const auto results = f.store->study(study_key("1.2")).value().results;
  REQUIRE(results.size() == 2);
  CHECK(results[0].arrived);
  CHECK_FALSE(results[1].arrived);
  const DeliveryClaim second = f.store->claim_deliveries("pacs", "here", one_minute).value();
  REQUIRE(second.items.size() == 1);
  CHECK(second.items[0].file == "new.dcm");
  f.store->record_delivered(second, second.items[0], "");
  CHECK(f.state("1.2") == StudyState::done);
}

TEST_CASE("Images that come while a study is in work void its result", "[server][store]") {
  StoreFixture f;
  const Claim claim = f.claim_new_study("1.2");
  f.add("1.2", "1.2.1.2");
  CHECK(f.state("1.2") == StudyState::running);
  CHECK(f.store->finish(claim, "r", {{"pacs", "seg", "s"}}) == FinishOutcome::content_changed);
  CHECK(f.state("1.2") == StudyState::receiving);
  CHECK_FALSE(f.store->claim_deliveries("pacs", "here", one_minute));

  StoreFixture g;
  const Claim second = g.claim_new_study("1.3");
  g.add("1.3", "1.3.1.2");
  CHECK(g.store->set_aside(second, StudyState::failed, "no such series") == StudyState::receiving);
}

TEST_CASE("Everything that was committed is there after reopening", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}, {"tps", "rtstruct", "t"}});
  f.store->set_aside(f.claim_new_study("1.3"), StudyState::held, "two series could be BRAVO");
  f.reopen();
  CHECK(f.state("1.2") == StudyState::delivering);
  CHECK(f.state("1.3") == StudyState::held);
  CHECK(f.store->claim_deliveries("tps", "here", one_minute));
  CHECK(f.store->counts().studies.at(StudyState::held) == 1);
  CHECK(f.store->counts().deliveries.at(DeliveryState::pending) == 2);
}

TEST_CASE("Deliveries wait for their time, keep their tries, and end at attention", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}, {"pacs", "report", "t"}});
  auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  CHECK_FALSE(f.store->claim_deliveries("pacs", "here", one_minute));
  f.store->record_retry(claim, claim.items[0], seconds(30), "no connection", false);
  f.store->record_attention(claim, claim.items[1], "SOP class not accepted");
  CHECK_FALSE(f.store->claim_deliveries("pacs", "here", one_minute));
  f.now += seconds(30);
  claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  REQUIRE(claim.items.size() == 1);
  CHECK(claim.items[0].tries == 1);
  f.store->record_delivered(claim, claim.items[0], "");
  CHECK(f.state("1.2") == StudyState::delivering);
  const auto deliveries = f.store->study(study_key("1.2")).value().deliveries;
  CHECK(deliveries[1].state == DeliveryState::attention);
  CHECK(deliveries[1].reason == "SOP class not accepted");
}

TEST_CASE("A delivery lease that ended is given out again, once", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}});
  const auto dead = f.store->claim_deliveries("pacs", "dead", one_minute).value();
  f.now += one_minute;
  const auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  CHECK(kind_of_error([&] { f.store->record_delivered(dead, dead.items[0], ""); }) ==
        Error::Kind::lease_lost);
  f.store->hand_back(claim, false);
  CHECK(f.store->claim_deliveries("pacs", "here", one_minute).value().items[0].tries == 0);
}

TEST_CASE("A result waits while its study is worked on again, and is sent when nothing comes of that",
          "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}});
  f.add("1.2", "1.2.1.2");  // late
  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
  const Claim worker = f.store->claim("here", one_minute).value();
  CHECK_FALSE(f.store->claim_deliveries("pacs", "here", one_minute));
  f.store->hand_back(worker);
  CHECK(f.store->claim_deliveries("pacs", "here", one_minute));
}

TEST_CASE("The oldest result that a destination has not taken is told by its age", "[server][store]") {
  StoreFixture f;
  CHECK(f.store->counts().longest_wait.count() == 0);
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}, {"tps", "seg", "s"}});
  f.now += one_minute;
  f.store->finish(f.claim_new_study("1.3"), "r", {{"pacs", "seg", "s"}});
  CHECK(f.store->counts().longest_wait == 2 * one_minute);
  for (const char* destination : {"pacs", "tps"}) {
    const auto claim = f.store->claim_deliveries(destination, "here", one_minute).value();
    for (const auto& item : claim.items) f.store->record_delivered(claim, item, "");
  }
  CHECK(f.store->counts().longest_wait.count() == 0);  // that of 1.3 is new
  f.now += one_minute;
  CHECK(f.store->counts().longest_wait == one_minute);
}

TEST_CASE("A delivery whose lease ended is another's, though one node has both", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}});
  const auto slow = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.now += one_minute;
  const auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  CHECK(kind_of_error([&] { f.store->record_delivered(slow, slow.items[0], ""); }) ==
        Error::Kind::lease_lost);
  f.store->hand_back(slow, false);
  CHECK_FALSE(f.store->claim_deliveries("pacs", "here", one_minute));
  f.store->record_delivered(claim, claim.items[0], "");
  CHECK(f.state("1.2") == StudyState::done);
}

TEST_CASE("What is recorded late of a deleted study changes nothing in the one that came after it",
          "[server][store]") {
  StoreFixture f;
  const Claim worker = f.claim_new_study("1.2");
  f.now += one_minute;
  f.store->reclaim_expired(1, {});
  f.store->remove_study(study_key("1.2"));
  const Claim other_worker = f.claim_new_study("1.3");
  REQUIRE(other_worker.study == worker.study);  // its id was given out again
  CHECK(kind_of_error([&] { f.store->finish(worker, "r", {}); }) == Error::Kind::lease_lost);

  f.store->finish(other_worker, "r", {{"pacs", "seg", "s"}});
  const auto sender = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->remove_study(study_key("1.3"));
  f.store->finish(f.claim_new_study("1.4"), "r", {{"pacs", "seg", "s"}});
  const auto other_sender = f.store->claim_deliveries("pacs", "here", one_minute).value();
  REQUIRE(other_sender.items[0].id == sender.items[0].id);
  CHECK(kind_of_error([&] { f.store->record_delivered(sender, sender.items[0], ""); }) ==
        Error::Kind::lease_lost);
  CHECK(f.state("1.4") == StudyState::delivering);
}

TEST_CASE("At start attention is tried again, and a destination that is gone needs attention",
          "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}, {"old", "seg", "s"}});
  const auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_attention(claim, claim.items[0], "unknown AE title");
  f.store->review_deliveries({destination_named("pacs")});
  CHECK(f.store->claim_deliveries("pacs", "here", one_minute));
  const auto deliveries = f.store->study(study_key("1.2")).value().deliveries;
  CHECK(deliveries[1].state == DeliveryState::attention);
  CHECK(deliveries[1].reason == "the destination is no longer configured");
}

TEST_CASE("Only finished studies are old enough to forget", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {});
  f.store->finish(f.claim_new_study("1.3"), "r", {{"pacs", "seg", "s"}});
  f.claim_new_study("1.4");
  f.add("1.5", "1.5.1.1");
  CHECK(f.store->finished_for(one_minute).empty());
  f.store->age_finished(one_minute);
  CHECK(f.store->finished_for(one_minute) == std::vector{study_key("1.2")});
  CHECK(f.store->forget(study_key("1.2"), one_minute));
  CHECK_FALSE(f.store->study(study_key("1.2")));
  CHECK_FALSE(f.store->known("1.2.1.1", f.digest_of("a")));
  CHECK_FALSE(f.store->forget(study_key("1.5"), one_minute));
  CHECK(f.store->keys().size() == 3);
  f.store->check_writable();
}

TEST_CASE("A study that a person sends or segments again while old ones are deleted is kept",
          "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}});
  const auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_delivered(claim, claim.items[0], "");
  f.store->age_finished(one_minute);
  REQUIRE(f.store->finished_for(one_minute) == std::vector{study_key("1.2")});
  f.store->resend_study(study_key("1.2"), {"pacs"});
  CHECK_FALSE(f.store->forget(study_key("1.2"), one_minute));
  const auto again = f.store->claim_deliveries("pacs", "here", one_minute).value();
  CHECK(again.items.size() == 1);
  f.store->record_delivered(again, again.items[0], "");
  CHECK_FALSE(f.store->forget(study_key("1.2"), one_minute));  // finished again, for no time yet

  f.store->age_finished(one_minute);
  f.store->retry_study(study_key("1.2"));
  f.store->set_aside(f.store->claim("here", one_minute).value(), StudyState::failed, "no such series");
  CHECK_FALSE(f.store->forget(study_key("1.2"), one_minute));
  CHECK(f.store->known("1.2.1.1", f.digest_of("a")) == AddOutcome::duplicate);
  f.store->age_finished(one_minute);
  CHECK(f.store->forget(study_key("1.2"), one_minute));
}

TEST_CASE("A study that has aged is kept while a delivery is tried again", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {{"pacs", "seg", "s"}});
  const auto claim = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_attention(claim, claim.items[0], "unknown AE title");
  f.store->age_finished(one_minute);
  CHECK(f.store->finished_for(one_minute) == std::vector{study_key("1.2")});
  f.store->review_deliveries({destination_named("pacs")});
  CHECK(f.store->finished_for(one_minute).empty());
}

TEST_CASE("Studies age by the time that the server runs, not by what the clock says", "[server][store]") {
  StoreFixture f;
  f.store->finish(f.claim_new_study("1.2"), "r", {});
  f.now += std::chrono::hours(24 * 400);
  f.store->age_finished(one_minute);
  f.reopen();
  f.now -= std::chrono::hours(24 * 800);
  f.store->age_finished(one_minute);
  CHECK(f.store->finished_for(2 * one_minute + std::chrono::milliseconds(1)).empty());
  CHECK(f.store->finished_for(2 * one_minute) == std::vector{study_key("1.2")});
  f.add("1.2", "1.2.1.2");  // late: it is not finished any more, and starts anew when it is again
  f.store->age_finished(one_minute);
  CHECK(f.store->finished_for(std::chrono::milliseconds(0)).empty());
}

TEST_CASE("A database that is none is named", "[server][store]") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "metserve.db";
  {
    std::unique_ptr<FILE, int (*)(FILE*)> stream(std::fopen(file.c_str(), "w"), std::fclose);
    std::fputs(
        "this is a text that is long enough to be looked at as a database header, but is not one....\n",
        stream.get());
  }
  CHECK_THROWS_WITH(SqliteStore(file, [] { return TimePoint(); }),
                    Catch::Contains("metserve.db") && Catch::Contains("not a database"));
}

TEST_CASE("Images that were made here change nothing when an archive sends them back", "[server][store]") {
  StoreFixture f;
  const Claim claim = f.claim_new_study("1.2");
  f.store->record_own_series(claim, "1.2.9");
  f.store->finish(claim, "results/x/1", {});
  InstanceRecord own = StoreFixture::instance("1.2", "1.2.9.1");
  own.series_instance_uid = "1.2.9";
  CHECK(f.store->add_instances(std::span(&own, 1)).front() == AddOutcome::added);
  CHECK(f.state("1.2") == StudyState::done);
  f.add("1.2", "1.2.1.2");
  CHECK(f.state("1.2") == StudyState::receiving);
}

TEST_CASE("The predecessor is the patient's last earlier study with a result", "[server][store]") {
  StoreFixture f;
  const auto finished = [&](const std::string& study, const std::string& patient,
                            const std::string& studied) {
    const Claim claim = f.claim_new_study(study);
    f.store->record_patient(claim, {patient, studied});
    f.store->finish(claim, "results/" + study, {});
  };
  finished("1.1", "p", "20240101");
  finished("1.2", "p", "20240301120000");
  finished("1.3", "other", "20240401");
  finished("1.4", "p", "");
  f.add("1.2", "1.2.1.1", "conflict");
  f.store->record_patient(f.claim_new_study("1.5"), {"p", "20240501"});  // without a result
  CHECK(f.store->predecessor({"p", "20240601"}).value().result_directory == "results/1.2");
  CHECK(f.store->predecessor({"p", "20240601"}).value().key == study_key("1.2"));
  const auto images = f.store->predecessor({"p", "20240601"}).value().images;
  REQUIRE(images.size() == 1);
  CHECK(images[0].file == StoreFixture::instance("1.2", "1.2.1.1").file);
  CHECK(f.store->predecessor({"p", "20240301120000"}).value().studied == "20240101");
  CHECK_FALSE(f.store->predecessor({"p", "20240101"}));
  CHECK_FALSE(f.store->predecessor({"nobody", "20240601"}));
}
