#include "server/sqlite_check.h"

#include <fstream>

#include "server/error.h"
#include "server/image_batch.h"
#include "server/sqlite_database.h"
#include "server/sqlite_schema.h"
#include "server/storage.h"
#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;

namespace {

struct CheckFixture : StoreFixture {
  Storage storage{directory.path(), 0};

  std::filesystem::path put(const std::string& sop, const std::string& content) {
    return put(instance("1.2", sop, content), content);
  }
  std::filesystem::path put(InstanceRecord record, const std::string& content) {
    record.bytes = content.size();
    record.file = ImageBatch(storage).put(record, std::vector<std::uint8_t>(content.begin(), content.end()));
    store->add_instances(std::span(&record, 1));
    return directory.path() / record.file;
  }
  std::string check(bool contents) const { return check_store(directory.path(), contents); }
};

}  // namespace

TEST_CASE("A store that is as recorded is said to be so", "[server][check]") {
  CheckFixture f;
  CHECK(f.check(true) == "0 studies, 0 images, all intact");
  f.put("1.2.1", "one");
  f.put("1.2.2", "two");
  f.put("1.2.2", "other bytes");
  CHECK(f.check(false) == "1 studies, 3 images, all there");
  CHECK(f.check(true) == "1 studies, 3 images, all intact");
  CHECK(check_store("/nowhere", false) == "no study yet");
}

TEST_CASE("Images without their database are named before a start moves them", "[server][check]") {
  CheckFixture f;
  f.put("1.2.1", "one");
  std::filesystem::remove(f.directory.path() / "metserve.db");
  CHECK_THROWS_WITH(f.check(false),
                    Catch::Contains("metserve.db: is not there, though images/ has 1 studies") &&
                        Catch::Contains("backup"));
}

TEST_CASE("An image recorded by its SHA-256, as stores did before, is compared with that",
          "[server][check]") {
  CheckFixture f;
  InstanceRecord record = CheckFixture::instance("1.2", "1.2.1");
  record.digest = sha256_hex(std::string_view("one"));
  const auto image = f.put(record, "one");
  CHECK(f.check(true) == "1 studies, 1 images, all intact");
  std::ofstream(image) << "eno";
  CHECK_THROWS_WITH(f.check(true), Catch::Contains("1 images damaged"));
}

TEST_CASE("A database of another version of the program is judged as the server's start will",
          "[server][check]") {
  CheckFixture f;
  f.put("1.2.1", "one");
  f.store.reset();
  const auto change = [&](const char* sql) { Database(f.directory.path() / "metserve.db").execute(sql); };
  const std::string current = std::to_string(current_schema());
  change("ALTER TABLE instances RENAME COLUMN digest TO sha256; PRAGMA user_version = 7");
  CHECK(f.check(true) ==
        "schema 7, will be brought to " + current + " at the next start; images are compared from then on");
  change("ALTER TABLE instances RENAME COLUMN sha256 TO digest; PRAGMA user_version = 1000");
  const std::string newer =
      "the database has schema 1000, this program knows " + current + ": install the newer program again";
  CHECK_THROWS_WITH(f.check(false), newer);
  CHECK_THROWS_WITH(f.open(), newer);
}

TEST_CASE("What is missing, damaged or recorded by nobody is counted and named", "[server][check]") {
  CheckFixture f;
  const auto missing = f.put("1.2.1", "one"), shorter = f.put("1.2.2", "two"),
             changed = f.put("1.2.3", "three");
  std::filesystem::remove(missing);
  std::ofstream(shorter) << "t";
  std::ofstream(changed) << "THREE";
  std::ofstream(shorter.parent_path() / "stray.dcm") << "?";
  CHECK_THROWS_WITH(f.check(false),
                    Catch::Contains("1 images recorded and not there, first images/") &&
                        Catch::Contains(missing.filename().string()) && Catch::Contains("1 images damaged") &&
                        Catch::Contains("1 files that nobody recorded") && Catch::Contains("stray"));
  CHECK_THROWS_WITH(f.check(true), Catch::Contains("2 images damaged"));
}
