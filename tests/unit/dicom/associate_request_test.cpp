#include "dicom/associate_request.h"

#include <algorithm>

#include "dicom/error.h"
#include "tests/catch.h"
#include "tests/unit/dicom/raw_peer.h"

namespace metserve::dicom {
namespace {

using namespace test;

const Bytes plain = associate_rq("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1");

/// `plain` with the first occurrence of `what` replaced.
Bytes with(const std::string& what, const std::string& by) {
  const auto at = std::search(plain.begin(), plain.end(), what.begin(), what.end());
  REQUIRE(at != plain.end());
  return Bytes(plain.begin(), at) + Bytes(by.begin(), by.end()) +
         Bytes(at + static_cast<std::ptrdiff_t>(what.size()), plain.end());
}

TEST_CASE("An association request that adds up passes", "[dicom][scp][hostile]") {
  CHECK_NOTHROW(check_associate_request(plain));
  CHECK_NOTHROW(check_associate_request(plain + Bytes{0x77, 0, 0, 2, 'a', 'b'}));  // unknown: ignored
}

TEST_CASE("An association request that is cut off anywhere is refused", "[dicom][scp][hostile]") {
  for (std::size_t size = 0; size < plain.size(); ++size)
    CHECK_THROWS_AS(check_associate_request(std::span(plain).first(size)), Error);
}

TEST_CASE("Empty AE titles, wrong counts and wrong lengths are refused", "[dicom][scp][hostile]") {
  CHECK_THROWS_WITH(check_associate_request(with("METSERVE        ", std::string(16, ' '))),
                    Catch::Contains("an AE title is empty"));
  CHECK_THROWS_WITH(check_associate_request(with("RAW ", std::string(4, '\0'))),
                    Catch::Contains("an AE title is empty"));
  CHECK_THROWS_WITH(check_associate_request(with(std::string("\x30\0", 2), std::string("\x40\0", 2))),
                    Catch::Contains("one abstract syntax"));
  CHECK_THROWS_WITH(check_associate_request(plain + Bytes{0x20, 0, 0, 0}), Catch::Contains("cut off"));
  CHECK_THROWS_WITH(check_associate_request(plain + Bytes{0x50, 0, 0, 0}),
                    Catch::Contains("one user information item"));
  CHECK_THROWS_WITH(check_associate_request(plain + Bytes{0x20, 0, 0, 4, 2, 0, 0, 0}),
                    Catch::Contains("even or used twice"));
  CHECK_THROWS_WITH(check_associate_request(plain + Bytes{0x21, 0, 0, 0}),
                    Catch::Contains("answer to a presentation context"));
}

TEST_CASE("User items that do not add up are refused", "[dicom][scp][hostile]") {
  const auto replaced = [](const Bytes& user_item) {  // in place of the implementation class UID, 9 bytes
    Bytes item = user_item;
    item.resize(9);
    return with(std::string("\x52\0\0\5"
                            "1.2.3",
                            9),
                std::string(item.begin(), item.end()));
  };
  CHECK_NOTHROW(check_associate_request(replaced({0x55, 0, 0, 5, 'F', 'U', 'Z', 'Z', '1'})));
  CHECK_THROWS_WITH(check_associate_request(replaced({0x53, 0, 0, 5})), Catch::Contains("another length"));
  CHECK_THROWS_WITH(check_associate_request(replaced({0x54, 0, 0, 5, 0, 2, '1', '2', 0})),
                    Catch::Contains("negotiation item is cut off"));
  CHECK_THROWS_WITH(check_associate_request(replaced({0x56, 0, 0, 5, 0, 4, '1', '.', '2'})),
                    Catch::Contains("negotiation item is cut off"));
  CHECK_THROWS_WITH(check_associate_request(replaced({0x58, 0, 0, 5, 1, 0, 0, 1})),
                    Catch::Contains("user identity"));
}

}  // namespace
}  // namespace metserve::dicom
