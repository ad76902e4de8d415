#include "dicom/host_slots.h"

#include "tests/catch.h"

namespace metserve::dicom {
namespace {

TEST_CASE("A host is an IPv4 address or what one machine commands of IPv6", "[dicom][address]") {
  CHECK(host_of("192.0.2.1") == host_of("::ffff:192.0.2.1"));
  CHECK(host_of("192.0.2.1") != host_of("192.0.2.2"));
  CHECK(host_of("2001:db8::1") == host_of("2001:db8::ffff:1"));
  CHECK(host_of("2001:db8::1") != host_of("2001:db8:0:1::1"));
  CHECK(host_of("fe80::1%eth0") == host_of("fe80::2"));
}

TEST_CASE("Slots are counted for each host and come back", "[dicom][address]") {
  HostSlots slots(2);
  const Host one = host_of("192.0.2.1"), other = host_of("192.0.2.2");
  CHECK(slots.take(one));
  CHECK(slots.take(one));
  CHECK_FALSE(slots.take(one));
  CHECK(slots.take(other));
  slots.release(one);
  CHECK(slots.take(one));
  CHECK_FALSE(slots.take(one));
}

}  // namespace
}  // namespace metserve::dicom
