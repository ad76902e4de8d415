#include "dicom/part10.h"

#include <array>
#include <random>

#include "dicom/error.h"
#include "tests/catch.h"
#include "tests/unit/dicom/image_fixtures.h"
#include "tests/unit/dicom/peer_programs.h"
#include "tests/unit/dicom/raw_peer.h"

namespace metserve::dicom {
namespace {

using namespace test;

constexpr auto implicit_le = "1.2.840.10008.1.2";
constexpr auto explicit_le = "1.2.840.10008.1.2.1";
constexpr auto explicit_be = "1.2.840.10008.1.2.2";
constexpr auto deflated = "1.2.840.10008.1.2.1.99";
constexpr auto rle = "1.2.840.10008.1.2.5";

constexpr std::uint32_t sop_instance = 0x00080018, series = 0x0020000e, rows = 0x00280010;
constexpr std::array wanted = {sop_instance, series, rows};

const Bytes item_start = {0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff};
const Bytes item_end = {0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0};
const Bytes sequence_end = {0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0};

/// `depth` sequences of explicit VR and unknown length, one inside the other.
Bytes nested(std::size_t depth) {
  const Bytes sequence_start = {0x40, 0x00, 0x75, 0x02, 'S', 'Q', 0, 0, 0xff, 0xff, 0xff, 0xff};
  Bytes out;
  for (std::size_t i = 0; i < depth; ++i) out = out + sequence_start + item_start;
  for (std::size_t i = 0; i < depth; ++i) out = out + item_end + sequence_end;
  return out;
}

/// `depth` sequences of implicit VR and known lengths, which look like any other value.
Bytes nested_by_length(std::size_t depth) {
  Bytes out;
  const auto length = [](std::size_t n) {
    return Bytes{static_cast<std::uint8_t>(n & 0xff), static_cast<std::uint8_t>(n >> 8 & 0xff),
                 static_cast<std::uint8_t>(n >> 16 & 0xff), 0};
  };
  for (std::size_t i = 0; i < depth; ++i) {
    out = Bytes{0xfe, 0xff, 0x00, 0xe0} + length(out.size()) + out;
    out = Bytes{0x40, 0x00, 0x75, 0x02} + length(out.size()) + out;
  }
  return out;
}

TEST_CASE("The header of a stored file is what DCMTK would have written", "[dicom][part10]") {
  const auto header = part10_header({"1.2.840.10008.5.1.4.1.1.4", "1.2.3", explicit_le, "SCANNER"});
  REQUIRE(header.size() % 2 == 0);
  CHECK(std::string(header.begin() + 128, header.begin() + 132) == "DICM");
  const std::size_t group_length = header[140] | std::size_t{header[141]} << 8;
  CHECK(header.size() == 144 + group_length);
  CHECK(dataset_bytes(header).empty());
}

TEST_CASE("UIDs are digits and single dots", "[dicom][part10]") {
  CHECK(is_valid_uid("1.2.840.10008.1.2"));
  CHECK(is_valid_uid("1.2.840.0113619.007"));
  CHECK(is_valid_uid(std::string(64, '1')));
  for (const auto* text : {"", ".", "1.", ".1", "1..2", "1.2a", "../1", "1/2", "1 2", "1.2\n"})
    CHECK_FALSE(is_valid_uid(text));
  CHECK_FALSE(is_valid_uid(std::string(65, '1')));
  CHECK_FALSE(is_valid_uid(std::string_view("1.2\0", 4)));
}

TEST_CASE("Identifying values are found in every encoding", "[dicom][part10][peers]") {
  const TemporaryDirectory directory;
  write_edited(directory.path() / "series", [](DcmDataset&, std::size_t) {});
  const auto source = (directory.path() / "series" / "0001.dcm").string();
  const std::vector<std::pair<std::vector<std::string>, const char*>> encodings = {
      {{"dcmconv", "+ti"}, implicit_le},
      {{"dcmconv", "+te"}, explicit_le},
      {{"dcmconv", "+tb"}, explicit_be},
      {{"dcmconv", "+td"}, deflated},
      {{"dcmcrle"}, rle},
  };
  for (auto [command, transfer_syntax] : encodings) {
    INFO(transfer_syntax);
    const auto file = directory.path() / transfer_syntax;
    command.insert(command.end(), {source, file.string()});
    REQUIRE(run_program(command).status == 0);
    const auto values = scan_dataset(dataset_bytes(read_bytes(file)), transfer_syntax, wanted);
    REQUIRE(values.size() == 3);
    CHECK(without_padding(values.at(series)) == "2.25.1003");
    const bool big_endian = transfer_syntax == std::string(explicit_be);
    CHECK(values.at(rows) == (big_endian ? std::string("\0\5", 2) : std::string("\5\0", 2)));
  }
}

TEST_CASE("Nesting is counted however it is encoded", "[dicom][part10]") {
  CHECK_NOTHROW(scan_dataset(nested(64), explicit_le, wanted));
  CHECK_THROWS_WITH(scan_dataset(nested(65), explicit_le, wanted), ContainsSubstring("deeper than 64"));
  CHECK_NOTHROW(scan_dataset(nested_by_length(64), implicit_le, wanted));
  CHECK_THROWS_AS(scan_dataset(nested_by_length(65), implicit_le, wanted), Error);
  const auto inside = nested_by_length(70);
  const auto unknown = Bytes{0x09, 0x00, 0x01, 0x10, 'U', 'N', 0, 0, 0xff, 0xff, 0xff, 0xff} + item_start +
                       inside + item_end + sequence_end;
  CHECK_THROWS_AS(scan_dataset(unknown, explicit_le, wanted), Error);
}

TEST_CASE("Values of sequences do not count as those of the dataset", "[dicom][part10]") {
  const Bytes sequence_start = {0x08, 0x00, 0x15, 0x11, 'S', 'Q', 0, 0, 0xff, 0xff, 0xff, 0xff};
  const auto dataset = sequence_start + item_start + element(0x0020, 0x000e, "UI", "1.1") + item_end +
                       sequence_end + element(0x0020, 0x000e, "UI", "2.2") +
                       element(0x0020, 0x000e, "UI", "3.3");
  const auto values = scan_dataset(dataset, explicit_le, wanted);
  CHECK(without_padding(values.at(series)) == "2.2");
}

TEST_CASE("Pixels that begin like a sequence are pixels", "[dicom][part10]") {
  const Bytes pixels = {0xfe, 0xff, 0x00, 0xe0, 0x10, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9};
  const auto dataset = Bytes{0xe0, 0x7f, 0x10, 0x00, static_cast<std::uint8_t>(pixels.size()), 0, 0, 0} +
                       pixels + Bytes{0xfc, 0xff, 0xfc, 0xff, 2, 0, 0, 0, 0, 0};
  CHECK_NOTHROW(scan_dataset(dataset, implicit_le, wanted));
}

TEST_CASE("Datasets that do not add up are named as such", "[dicom][part10]") {
  const auto whole =
      element(0x0008, 0x0018, "UI", "1.2.3") + nested(2) + element(0x0020, 0x000e, "UI", "1.2");
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    try {
      scan_dataset(cut, explicit_le, wanted);
    } catch (const Error& error) {
      CHECK(error.kind() == Error::Kind::bad_input);
    }
  }
  CHECK_THROWS_AS(scan_dataset(item_end, explicit_le, wanted), Error);
  CHECK_THROWS_AS(scan_dataset(Bytes(16, 0x41), explicit_le, wanted), Error);
  CHECK_THROWS_AS(scan_dataset(Bytes(16, 0x41), deflated, wanted), Error);
  CHECK_THROWS_AS(scan_dataset(whole, "1.2.3.4.5", wanted), Error);
}

TEST_CASE("A deflated dataset may not swell beyond the limit", "[dicom][part10][peers]") {
  const TemporaryDirectory directory;
  write_edited(directory.path() / "series", [](DcmDataset&, std::size_t) {});
  const auto file = directory.path() / "deflated";
  REQUIRE(run_program({"dcmconv", "+td", (directory.path() / "series" / "0001.dcm").string(), file.string()})
              .status == 0);
  const auto dataset = dataset_bytes(read_bytes(file));
  CHECK_NOTHROW(scan_dataset(dataset, deflated, wanted));
  CHECK_THROWS_AS(scan_dataset(dataset, deflated, wanted, {.max_inflated_bytes = 300}), Error);
}

TEST_CASE("Damaged datasets end in a result or an error", "[dicom][part10]") {
  const auto whole = element(0x0008, 0x0018, "UI", "1.2.3") + nested(3) +
                     element(0x0020, 0x000e, "UI", "1.2") + nested_by_length(3);
  std::mt19937 random(20240305);
  int errors = 0, results = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = whole;
    for (int change = 0; change < 3; ++change)
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random() % 256);
    for (const auto* syntax : {explicit_le, implicit_le, explicit_be}) {
      try {
        scan_dataset(damaged, syntax, wanted);
        ++results;
      } catch (const Error&) {
        ++errors;
      }
    }
  }
  CHECK(errors > 0);
  CHECK(results + errors == 60'000);
}

}  // namespace
}  // namespace metserve::dicom
