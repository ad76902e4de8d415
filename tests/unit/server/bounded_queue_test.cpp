#include "server/bounded_queue.h"

#include "tests/catch.h"

using namespace metserve::server;

TEST_CASE("A queue says when it is full and when it is closed", "[server][queue]") {
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
