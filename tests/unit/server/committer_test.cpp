#include "server/committer.h"

#include <atomic>
#include <thread>

#include "server/error.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;

TEST_CASE("Images of many associations are committed together and each gets its own outcome",
          "[server][committer]") {
  StoreFixture f;
  Storage storage(f.directory.path() / "storage", 0);
  std::atomic<int> added{0}, duplicates{0}, images{0};
  {
    Committer committer(storage, *f.store,
                        [&](std::size_t count, auto) { images += static_cast<int>(count); });
    std::vector<std::thread> associations;
    for (int thread = 0; thread < 8; ++thread) {
      associations.emplace_back([&, thread] {
        for (int i = 0; i < 20; ++i) {
          // Every instance comes twice, over two associations.
          InstanceRecord record =
              StoreFixture::instance("1.2", "1.2.1." + std::to_string(thread / 2 * 20 + i));
          const std::vector<std::uint8_t> bytes{1, 2, 3};
          record.file = storage.put_image("1.2", record.sop_instance_uid, record.sha256, bytes);
          (committer.commit(record) == AddOutcome::added ? added : duplicates)++;
        }
      });
    }
    for (std::thread& association : associations) association.join();
  }
  CHECK(added == 80);
  CHECK(duplicates == 80);
  CHECK(images == 160);
  CHECK(f.store->study(study_key("1.2")).value().summary.instances == 80);
}

TEST_CASE("A queue says when it is full and when it is closed", "[server][committer]") {
  BoundedQueue<int> queue(2);
  queue.push(1, std::chrono::milliseconds(0));
  queue.push(2, std::chrono::milliseconds(0));
  CHECK_THROWS_WITH(queue.push(3, std::chrono::milliseconds(1)), Catch::Contains("full"));
  CHECK(queue.pop_all(1) == std::vector<int>{1});
  queue.close();
  CHECK_THROWS_WITH(queue.push(3, std::chrono::milliseconds(1)), Catch::Contains("stopping"));
  CHECK(queue.pop_all(9) == std::vector<int>{2});
  CHECK(queue.pop_all(9).empty());
}

TEST_CASE("A failed commit reaches everybody who waits for it", "[server][committer]") {
  StoreFixture f;
  Storage storage(f.directory.path() / "storage", 0);
  Committer committer(storage, *f.store);
  InstanceRecord record = StoreFixture::instance("1.2", "1.2.1.1");
  record.file = "images/nowhere/x.dcm";
  CHECK_THROWS_WITH(committer.commit(record), Catch::Contains("images/nowhere"));
  CHECK_FALSE(f.store->study(study_key("1.2")));
}
