#include "dicom/address_range.h"

#include "dicom/error.h"
#include "tests/catch.h"

namespace metserve::dicom {
namespace {

TEST_CASE("A range holds its addresses and no others, however IPv4 is written", "[dicom][address]") {
  const AddressRange range("192.0.2.64/26");
  CHECK(range.contains("192.0.2.64"));
  CHECK(range.contains("192.0.2.127"));
  CHECK(range.contains("::ffff:192.0.2.100"));
  CHECK_FALSE(range.contains("192.0.2.128"));
  CHECK_FALSE(range.contains("192.0.3.64"));
  CHECK_FALSE(range.contains("::"));
  CHECK_FALSE(range.contains("somewhere"));
  CHECK(AddressRange("192.0.2.1").contains("192.0.2.1"));
  CHECK_FALSE(AddressRange("192.0.2.1").contains("192.0.2.2"));
  CHECK(AddressRange("0.0.0.0/0").contains("203.0.113.9"));
  CHECK_FALSE(AddressRange("0.0.0.0/0").contains("2001:db8::1"));
  CHECK(AddressRange("2001:db8::/33").contains("2001:db8:7fff::1"));
  CHECK_FALSE(AddressRange("2001:db8::/33").contains("2001:db8:8000::1"));
  CHECK(AddressRange("fe80::/10").contains("fe80::1%eth0"));
  CHECK(AddressRange("::/0").contains("192.0.2.1"));
}

TEST_CASE("What is no range is refused by name", "[dicom][address]") {
  for (const char* text :
       {"", "pacs", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/8x", "::/129", "/8"})
    CHECK_THROWS_WITH(AddressRange(text), Catch::Contains("'" + std::string(text) + "'"));
}

}  // namespace
}  // namespace metserve::dicom
