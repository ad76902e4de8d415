#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;

TEST_CASE("A clock that jumps back holds nothing up", "[server][store]") {
  StoreFixture f;
  const Claim claim = f.claim_new_study("1.2");
  f.store->finish(claim, "results/x/1", {{"pacs", "seg", "seg.dcm"}});
  const DeliveryClaim delivery = f.store->claim_deliveries("pacs", "here", one_minute).value();
  f.store->record_retry(delivery, delivery.items[0], one_minute, "no connection", false);
  f.store->retry(f.claim_new_study("1.3"), "device fault", one_minute, 2);
  f.add("1.4", "1.4.1.1");

  f.now -= std::chrono::hours(1);
  CHECK(f.store->make_quiet_studies_ready(one_minute) == std::vector{study_key("1.4")});
  CHECK(f.store->claim("here", one_minute).value().key == study_key("1.4"));
  CHECK(f.store->claim("here", one_minute).value().key == study_key("1.3"));
  CHECK(f.store->claim_deliveries("pacs", "here", one_minute).has_value());
}

TEST_CASE("A clock that is set back a little makes no study complete too early", "[server][store]") {
  StoreFixture f;
  f.add("1.2", "1.2.1.1");
  f.now -= std::chrono::seconds(10);
  CHECK(f.store->make_quiet_studies_ready(one_minute).empty());
}
