#include "server/journal.h"

#include <fstream>
#include <memory>

#include <fcntl.h>

#include "server/error.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;
using metserve::TemporaryDirectory;

namespace {

constexpr std::chrono::milliseconds no_patience{0};
constexpr JournalOptions two_small_segments{.segment_bytes = 4 * journal_block_bytes, .segments = 2};

JournalEntry entry(const std::string& sop, const std::string& content) {
  JournalEntry made;
  made.record = StoreFixture::instance("1.2", sop, content);
  made.record.file.clear();
  made.record.bytes = content.size();
  made.part10.assign(content.begin(), content.end());
  return made;
}

std::vector<std::uint8_t> read(const Journal& journal, const JournalPlace& place) {
  std::vector<std::uint8_t> bytes{1, 2, 3};
  journal.read(place, bytes);
  return bytes;
}

struct JournalFixture {
  TemporaryDirectory directory;
  std::unique_ptr<Journal> journal;

  /// As after a crash: the files are all there is. Returns the SOP Instance UIDs that were recovered, and
  /// files the images.
  std::vector<std::string> start() {
    std::uint64_t last = 0;
    const std::vector<std::string> found = start_and_crash(last);
    if (last != 0) journal->mark_filed(last);
    return found;
  }
  /// The same, with nothing filed; `last`: number of the last image.
  std::vector<std::string> start_and_crash(std::uint64_t& last) {
    journal = std::make_unique<Journal>(directory.path(), two_small_segments);
    std::vector<std::string> found;
    journal->recover([&](JournaledImage&& recovered) {
      found.push_back(recovered.record.sop_instance_uid);
      last = recovered.number;
    });
    return found;
  }
  std::uint64_t append(const std::string& sop, const std::string& content = "a") {
    JournalEntry made = entry(sop, content);
    JournalEntry* const one = &made;
    const auto places = journal->append(std::span(&one, 1), no_patience);
    REQUIRE(places.size() == 1);
    CHECK(read(*journal, places[0]) == std::vector<std::uint8_t>(content.begin(), content.end()));
    return made.number;
  }
  void flip_byte(const std::string& file, std::uint64_t offset) const {
    FileDescriptor descriptor(directory.path() / file, O_RDWR);
    std::array<std::uint8_t, 1> byte{};
    REQUIRE(descriptor.read_at(offset, byte) == 1);
    byte[0] ^= 1;
    descriptor.write_at(offset, byte);
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("What was appended and not filed is recovered, complete and in order", "[server][journal]") {
  JournalFixture f;
  CHECK(f.start().empty());
  CHECK(f.append("1.1") == 1);
  const auto filed = f.append("1.2");
  f.append("1.3", "other bytes");
  f.journal->mark_filed(filed);
  CHECK(f.journal->unfiled_bytes() == journal_block_bytes);

  std::vector<JournaledImage> found;
  Journal again(f.directory.path(), two_small_segments);
  again.recover([&](JournaledImage&& recovered) { found.push_back(std::move(recovered)); });
  REQUIRE(found.size() == 1);
  const InstanceRecord expected = entry("1.3", "other bytes").record;
  CHECK(found[0].number == 3);
  CHECK(read(again, found[0].place) == entry("1.3", "other bytes").part10);
  CHECK(found[0].record.study_instance_uid == expected.study_instance_uid);
  CHECK(found[0].record.series_instance_uid == expected.series_instance_uid);
  CHECK(found[0].record.sop_class_uid == expected.sop_class_uid);
  CHECK(found[0].record.transfer_syntax_uid == expected.transfer_syntax_uid);
  CHECK(found[0].record.modality == expected.modality);
  CHECK(found[0].record.calling_ae_title == expected.calling_ae_title);
  CHECK(found[0].record.peer_address == expected.peer_address);
  CHECK(found[0].record.digest == expected.digest);
  CHECK(found[0].record.bytes == 11);
}

TEST_CASE("What is recovered counts as filed when it was filed, and numbers go on", "[server][journal]") {
  JournalFixture f;
  f.start();
  f.append("1.1");
  std::uint64_t last = 0;
  CHECK(f.start_and_crash(last) == Names{"1.1"});
  CHECK(last == 1);
  CHECK(f.start() == Names{"1.1"});
  CHECK(f.start().empty());
  CHECK(f.append("1.2") == 2);
}

TEST_CASE("Images that an earlier version left unfiled, known by their SHA-256, are recovered",
          "[server][journal]") {
  JournalFixture f;
  f.start();
  JournalEntry made = entry("1.1", "a");
  made.record.digest = sha256_hex(std::string_view("a"));
  JournalEntry* const one = &made;
  f.journal->append(std::span(&one, 1), no_patience);
  CHECK(f.start() == Names{"1.1"});
}

TEST_CASE("A sender's title in any bytes survives", "[server][journal]") {
  JournalFixture f;
  f.start();
  JournalEntry made = entry("1.1", "a");
  made.record.calling_ae_title = "K\xd6LN\xff";
  JournalEntry* const one = &made;
  f.journal->append(std::span(&one, 1), no_patience);
  std::string title;
  Journal(f.directory.path(), two_small_segments).recover([&](JournaledImage&& recovered) {
    title = recovered.record.calling_ae_title;
  });
  CHECK(title == "K\xd6LN\xff");
}

TEST_CASE("An entry that is damaged anywhere does not count, nor what follows it", "[server][journal]") {
  // Mark, number, digest, record, and the image itself.
  const auto offset = GENERATE(0, 8, 40, 120, 300);
  JournalFixture f;
  f.start();
  f.append("1.1", std::string(1000, 'x'));
  f.append("1.2", std::string(1000, 'y'));
  f.append("1.3");
  f.flip_byte("0", journal_block_bytes + static_cast<std::uint64_t>(offset));
  CHECK(f.start() == Names{"1.1"});
}

TEST_CASE("Older entries behind the newest one do not count", "[server][journal]") {
  JournalFixture f;
  f.start();
  for (const char* sop : {"1.1", "1.2", "1.3"}) f.append(sop);
  f.journal->mark_filed(3);
  f.append("1.4");  // overwrites 1.1
  std::filesystem::remove(f.directory.path() / "filed");
  CHECK(f.start() == Names{"1.4"});
}

TEST_CASE("Segments are used again when what they hold is filed, and a full journal says so",
          "[server][journal]") {
  JournalFixture f;
  f.start();
  std::uint64_t number = 0;
  for (int i = 1; i <= 8; ++i) number = f.append("1." + std::to_string(i));
  CHECK_THROWS_WITH(f.append("1.9"), Catch::Contains("full"));
  f.journal->mark_filed(4);
  f.append("1.9");
  f.append("1.10");
  CHECK(f.start() == Names{"1.5", "1.6", "1.7", "1.8", "1.9", "1.10"});
  CHECK(number == 8);
}

TEST_CASE("As many as there is room for are appended together", "[server][journal]") {
  JournalFixture f;
  f.start();
  std::vector<JournalEntry> entries;
  std::vector<JournalEntry*> pointers;
  for (int i = 0; i < 10; ++i) entries.push_back(entry("1." + std::to_string(i), "a"));
  for (JournalEntry& one : entries) pointers.push_back(&one);
  CHECK(f.journal->append(pointers, no_patience).size() == 8);
}

TEST_CASE("An image larger than a segment gets through, and its segment its size back", "[server][journal]") {
  JournalFixture f;
  f.start();
  f.append("1.1", std::string(100'000, 'x'));
  CHECK(f.start() == Names{"1.1"});
  f.append("1.2");
  CHECK(std::filesystem::file_size(f.directory.path() / "0") == two_small_segments.segment_bytes);
  CHECK(f.start() == Names{"1.2"});
}

TEST_CASE("Wiping leaves nothing of what is filed and all that is not", "[server][journal]") {
  JournalFixture f;
  f.start();
  const auto contains = [&](const std::string& text) {
    std::ifstream stream(f.directory.path() / "0", std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(stream), {}};
    return all.find(text) != std::string::npos;
  };
  f.journal->mark_filed(f.append("1.1", "SECRET"));
  const auto waiting = f.append("1.2", "UNFILED");
  f.journal->wipe();
  CHECK(contains("UNFILED"));  // and with it, in the same segment, what is filed already
  f.journal->mark_filed(waiting);
  CHECK_FALSE(contains("SECRET"));
  CHECK_FALSE(contains("UNFILED"));
  f.journal->mark_filed(f.append("1.3", "LATER"));
  CHECK(contains("LATER"));
  f.journal->wipe();
  CHECK_FALSE(contains("LATER"));
  f.append("1.4");
  CHECK(f.start() == Names{"1.4"});
}
