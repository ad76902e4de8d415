#include "dicom/line_limit.h"

#include "tests/catch.h"

namespace metserve::dicom {
namespace {

using namespace std::chrono_literals;

TEST_CASE("Of each host so many lines a minute are admitted, and the others counted", "[dicom][log]") {
  LineLimit limit(2);
  const LineLimit::TimePoint now{};
  for (int i = 0; i < 5; ++i) CHECK(limit.admits("192.0.2.1") == (i < 2));
  CHECK(limit.admits("192.0.2.2"));
  CHECK(limit.end_of_minute(now + 60s).empty());
  const auto excess = limit.end_of_minute(now + 61s);
  REQUIRE(excess.size() == 1);
  CHECK(excess[0].host == "192.0.2.1");
  CHECK(excess[0].lines == 3);
  CHECK(limit.admits("192.0.2.1"));
  CHECK(limit.end_of_minute(now + 130s).empty());
}

TEST_CASE("A network of IPv6 is one host, and too many hosts are one", "[dicom][log]") {
  LineLimit limit(1);
  CHECK(limit.admits("2001:db8::1"));
  CHECK_FALSE(limit.admits("2001:db8::ffff:2"));
  CHECK(limit.admits("2001:db8:0:1::1"));
  for (int i = 0; i < 498; ++i)
    CHECK(limit.admits("198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
  CHECK(limit.admits("203.0.113.1"));
  CHECK_FALSE(limit.admits("203.0.113.2"));
  const auto excess = limit.excess();
  REQUIRE(excess.size() == 2);
  CHECK(excess[0].host == "2001:db8::1/64");
  CHECK(excess[1].host == "others");
  CHECK(excess[1].lines == 1);
}

}  // namespace
}  // namespace metserve::dicom
