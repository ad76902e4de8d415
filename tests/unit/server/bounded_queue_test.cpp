#include "server/bounded_queue.h"

#include <thread>

#include "tests/catch.h"

using namespace metserve::server;
using namespace std::chrono_literals;

TEST_CASE("A queue says when it is full and when it is closed", "[server][queue]") {
  BoundedQueue<int> queue(2);
  queue.push(1, 0ms);
  queue.push(2, 0ms);
  CHECK_THROWS_WITH(queue.push(3, 1ms), Catch::Contains("full"));
  CHECK(queue.pop_all(1, 0ms) == std::vector<int>{1});
  queue.close();
  CHECK_THROWS_WITH(queue.push(3, 1ms), Catch::Contains("stopping"));
  CHECK(queue.pop_all(9, 0ms) == std::vector<int>{2});
  CHECK(queue.pop_all(9, 0ms).empty());
}

TEST_CASE("A queue gives much at once to who waits for it, and what there is when that takes too long",
          "[server][queue]") {
  BoundedQueue<int> queue(9);
  std::thread late([&] {
    queue.push(1, 0ms);
    std::this_thread::sleep_for(20ms);
    queue.push(2, 0ms);
  });
  CHECK(queue.pop_all(2, 1h) == std::vector<int>{1, 2});
  late.join();
  queue.push(3, 0ms);
  CHECK(queue.pop_all(2, 1ms) == std::vector<int>{3});
}
