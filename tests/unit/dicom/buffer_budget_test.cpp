#include "dicom/buffer_budget.h"

#include "tests/catch.h"

namespace metserve::dicom {
namespace {

TEST_CASE("Buffers have a bound over all hosts, half of it for one, and come back", "[dicom][scp]") {
  BufferBudget budget(100);
  const Host one = host_of("192.0.2.1"), second = host_of("192.0.2.2"), third = host_of("192.0.2.3");
  BufferShare a(budget, one);
  CHECK(a.take(30));
  {
    BufferShare b(budget, one);
    CHECK(b.take(20));
    CHECK_FALSE(b.take(1));
  }
  CHECK(a.take(20));
  BufferShare c(budget, second), d(budget, third);
  CHECK(c.take(40));
  CHECK_FALSE(d.take(11));
  CHECK(d.take(10));
  a.give_back();
  CHECK(d.take(40));
}

}  // namespace
}  // namespace metserve::dicom
