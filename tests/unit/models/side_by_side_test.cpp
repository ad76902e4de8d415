#include "models/side_by_side.h"

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <tuple>

#include <ATen/Parallel.h>

#include "tests/catch.h"

using namespace metserve::models;

TEST_CASE("Every number is worked on once, on one thread each where there are several", "[side_by_side]") {
  const int before = at::get_num_threads();
  at::set_num_threads(4);
  for (const auto& [count, threads, cores_each] :
       {std::tuple<std::size_t, int, int>{1, 4, 4}, {2, 4, 1}, {50, 4, 1}, {50, 1, 4}}) {
    std::mutex mutex;
    std::multiset<std::size_t> seen;
    std::set<int> cores;
    side_by_side(count, threads, [&](std::size_t i) {
      const std::lock_guard lock(mutex);
      seen.insert(i);
      cores.insert(at::get_num_threads());
    });
    CHECK(seen.size() == count);
    CHECK(std::set<std::size_t>(seen.begin(), seen.end()).size() == count);
    CHECK(*seen.rbegin() == count - 1);
    CHECK(cores == std::set<int>{cores_each});
    CHECK(at::get_num_threads() == 4);
  }
  side_by_side(0, 4, [](std::size_t) { FAIL("there is nothing to do"); });
  at::set_num_threads(before);
}

TEST_CASE("What goes wrong side by side ends the rest and is thrown again", "[side_by_side]") {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::atomic<int> begun = 0;
  CHECK_THROWS_WITH(side_by_side(1000000, 2,
                                 [&](std::size_t i) {
                                   ++begun;
                                   if (i == 10) throw std::runtime_error("the tenth");
                                 }),
                    "the tenth");
  CHECK(begun < 1000000);
  CHECK(at::get_num_threads() == 2);
  at::set_num_threads(before);
}
