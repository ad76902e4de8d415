#include "dicom/identity.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "dicom/error.h"
#include "tests/catch.h"

using metserve::dicom::Error;
using metserve::dicom::UidSource;

namespace {

void require_valid_uid(const std::string& uid) {
  INFO(uid);
  REQUIRE(uid.size() <= 64);
  REQUIRE(std::all_of(uid.begin(), uid.end(), [](unsigned char c) { return std::isdigit(c) || c == '.'; }));
  REQUIRE(uid.find("..") == std::string::npos);
  REQUIRE(uid.back() != '.');
  for (std::size_t dot = uid.find('.'); dot != std::string::npos; dot = uid.find('.', dot + 1))
    REQUIRE_FALSE((uid[dot + 1] == '0' && dot + 2 < uid.size() && uid[dot + 2] != '.'));
}

}  // namespace

TEST_CASE("UIDs depend on root, content and role and on nothing else", "[dicom][identity]") {
  const UidSource source("2.25", "series 1.2.3, model abc");
  REQUIRE(source.uid("seg/instance") == UidSource("2.25", "series 1.2.3, model abc").uid("seg/instance"));
  REQUIRE(source.uid("seg/instance") != source.uid("seg/series"));
  REQUIRE(source.uid("seg/instance") != UidSource("2.25", "series 1.2.3, model abd").uid("seg/instance"));
  REQUIRE(UidSource("2.25", "ab").uid("c") != UidSource("2.25", "a").uid("bc"));
}

TEST_CASE("UIDs below any root are valid and at most 64 characters", "[dicom][identity]") {
  const std::string longest = "1.2.826.0.1.3680043.10.999.1234567.89012345";
  REQUIRE(longest.size() == 43);
  for (const std::string& root : {std::string("2.25"), std::string("1.2.826.0.1.3680043.10.999"), longest}) {
    const UidSource source(root, "content");
    std::set<std::string> seen;
    for (int role = 0; role < 2000; ++role) {
      const std::string uid = source.uid(std::to_string(role));
      require_valid_uid(uid);
      REQUIRE(uid.substr(0, root.size() + 1) == root + '.');
      seen.insert(uid);
    }
    REQUIRE(seen.size() == 2000);
  }
}

TEST_CASE("A root that is no UID is refused with what a root looks like", "[dicom][identity]") {
  for (const char* root : {"", "2", "2.", ".2.25", "1..2", "1.02", "3.1", "1.2.x", "1.2.3 ",
                           "1.2.826.0.1.3680043.10.999.1234567.890123456"}) {
    INFO(root);
    REQUIRE_THROWS_AS(UidSource(root, "content"), Error);
  }
}
