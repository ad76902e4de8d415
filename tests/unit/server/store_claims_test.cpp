// Who works on a study: claims, leases, tries, and what crashes are held against.

#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;
using std::chrono::seconds;

TEST_CASE("Studies are claimed in the order in which they became ready, each once", "[server][store]") {
  StoreFixture f;
  f.add("1.3", "1.3.1.1");
  f.now += seconds(1);
  f.add("1.2", "1.2.1.1");
  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
  CHECK(f.store->claim("a", one_minute).value().key == study_key("1.3"));
  CHECK(f.store->claim("b", one_minute).value().key == study_key("1.2"));
  CHECK_FALSE(f.store->claim("c", one_minute));
}

TEST_CASE("A lease that ended makes a dead worker's study somebody else's", "[server][store]") {
  StoreFixture f;
  const Claim dead = f.claim_new_study("1.2");
  f.now += seconds(30);
  CHECK(f.store->reclaim_expired(2, {}).empty());
  f.store->renew(dead, one_minute);
  f.now += seconds(40);
  CHECK(f.store->reclaim_expired(2, {}).empty());
  f.now += seconds(20);
  CHECK(f.store->reclaim_expired(2, {}).size() == 1);
  const Claim other = f.store->claim("there", one_minute).value();
  CHECK(other.tries == 2);
  CHECK(kind_of_error([&] { f.store->renew(dead, one_minute); }) == Error::Kind::lease_lost);
  CHECK(kind_of_error([&] { f.store->finish(dead, "r", {}); }) == Error::Kind::lease_lost);
  CHECK(kind_of_error([&] { f.store->hand_back(dead); }) == Error::Kind::lease_lost);
  CHECK(f.store->finish(other, "r", {}) == FinishOutcome::recorded);
}

TEST_CASE("A clock that jumps forward takes no study from a worker that is at it", "[server][store]") {
  StoreFixture f;
  const Claim at_work = f.claim_new_study("1.2");
  const Claim abandoned = f.claim_new_study("1.3");
  f.now += std::chrono::hours(6);
  CHECK(f.store->reclaim_expired(2, std::span(&at_work, 1)) == std::vector{abandoned.key});
  CHECK(f.store->finish(at_work, "r", {}) == FinishOutcome::recorded);
}

TEST_CASE("After a crash the own study is ready again, and after two it is set aside", "[server][store]") {
  StoreFixture f;
  f.claim_new_study("1.2");
  f.reopen();
  CHECK(f.state("1.2") == StudyState::running);
  CHECK(f.store->reclaim_own("elsewhere", 2).empty());
  CHECK(f.store->reclaim_own("here", 2).size() == 1);
  CHECK(f.state("1.2") == StudyState::ready);
  REQUIRE(f.store->claim("here", one_minute));
  f.reopen();
  f.store->reclaim_own("here", 2);
  CHECK(f.state("1.2") == StudyState::failed);
  CHECK(f.store->study(study_key("1.2")).value().summary.reason.find("died 2 times") != std::string::npos);
  f.add("1.2", "1.2.1.2");
  CHECK(f.state("1.2") == StudyState::receiving);
  CHECK(f.store->study(study_key("1.2")).value().summary.tries == 0);
}

TEST_CASE("Crashes count only against the study that was alone in work; suspects run alone",
          "[server][store]") {
  StoreFixture f;
  f.claim_new_study("1.2");
  f.claim_new_study("1.3");
  for (int i = 0; i < 3; ++i) {  // both at work, then one after the other
    f.reopen();
    f.store->reclaim_own("here", 2);
    REQUIRE(f.store->claim("here", one_minute));
    CHECK_FALSE(f.store->claim("here", one_minute));
    if (f.state("1.2") == StudyState::failed) break;
  }
  CHECK(f.state("1.2") == StudyState::failed);
  CHECK(f.state("1.3") == StudyState::running);
  f.add("1.4", "1.4.1.1");
  f.now += one_minute;
  f.store->make_quiet_studies_ready(one_minute);
  CHECK_FALSE(f.store->claim("here", one_minute));  // a suspect is at work
  f.now += seconds(1);
  f.reopen();
  f.store->reclaim_own("here", 2);
  CHECK(f.state("1.3") == StudyState::ready);
  CHECK(f.store->claim("here", one_minute).value().key == study_key("1.4"));
  CHECK_FALSE(f.store->claim("here", one_minute));  // a suspect is next
}

TEST_CASE("What was handed back at stop does not count as a try", "[server][store]") {
  StoreFixture f;
  f.store->hand_back(f.claim_new_study("1.2"));
  CHECK(f.state("1.2") == StudyState::ready);
  CHECK(f.store->claim("here", one_minute).value().tries == 1);
}

TEST_CASE("A failed try waits before the next one and the last one fails the study", "[server][store]") {
  StoreFixture f;
  const Claim first = f.claim_new_study("1.2");
  CHECK(f.store->retry(first, "device fault", seconds(30), 2) == StudyState::ready);
  CHECK_FALSE(f.store->claim("here", one_minute));
  f.now += seconds(30);
  const Claim second = f.store->claim("here", one_minute).value();
  CHECK(f.store->retry(second, "device fault", seconds(30), 2) == StudyState::failed);
  CHECK(f.store->study(study_key("1.2")).value().summary.reason == "device fault");
}

TEST_CASE("What a study lacks for a while counts against no other try", "[server][store]") {
  StoreFixture f;
  Claim claim = f.claim_new_study("1.2");
  CHECK(f.store->wait_out(claim, "device fault", seconds(30), 3) == StudyState::ready);
  CHECK_FALSE(f.store->claim("here", one_minute));  // not yet
  f.now += seconds(30);
  claim = f.store->claim("here", one_minute).value();
  CHECK(claim.shortages == 1);
  CHECK(claim.tries == 1);
  CHECK(f.store->wait_out(claim, "device fault", seconds(30), 3) == StudyState::ready);
  f.now += one_minute;
  CHECK(f.store->wait_out(f.store->claim("here", one_minute).value(), "device fault", seconds(30), 3) ==
        StudyState::failed);
  f.store->retry_study(study_key("1.2"));
  CHECK(f.store->claim("here", one_minute).value().shortages == 0);
}
