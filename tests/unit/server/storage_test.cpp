#include "server/storage.h"

#include <fstream>
#include <iterator>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/error.h"
#include "server/hash.h"
#include "server/image_batch.h"
#include "server/storage_check.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;
using metserve::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

std::vector<std::uint8_t> bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::filesystem::path put(Storage& storage, const std::string& study, const std::string& sop,
                          const std::string& content) {
  InstanceRecord record;
  record.study_instance_uid = study;
  record.sop_instance_uid = sop;
  record.digest = content_digest(bytes(content));
  return ImageBatch(storage).put(record, bytes(content));
}

}  // namespace

TEST_CASE("An image gets a path that no UID can bend", "[server][storage]") {
  const TemporaryDirectory directory;
  Storage storage(directory.path(), 0);
  const std::string nasty = "../../etc/passwd";
  const auto image = put(storage, nasty, nasty, "x");
  CHECK(image.string().find("..") == std::string::npos);
  CHECK(image.parent_path() == std::filesystem::path("images") / study_key(nasty));
  CHECK(content(directory.path() / image) == "x");
}

TEST_CASE("Other bytes under the same UID never replace a file", "[server][storage]") {
  const TemporaryDirectory directory;
  Storage storage(directory.path(), 0);
  const auto first = put(storage, "1.2", "1.2.3", "one");
  const auto same = put(storage, "1.2", "1.2.3", "one");
  const auto other = put(storage, "1.2", "1.2.3", "two");
  CHECK(first == same);
  CHECK(first != other);
  CHECK(content(directory.path() / first) == "one");
  CHECK(content(directory.path() / other) == "two");
}

TEST_CASE("The digest of an image is what xxhsum -H2 prints", "[server][storage]") {
  CHECK(content_digest(bytes("")) == "99aa06d3014798d86001c324468d497f");
  CHECK(content_digest(bytes("dataset")) == "29d43d30c83caee47c786b8f508cc449");
}

TEST_CASE("Only one server holds a storage directory, and its node keeps its name", "[server][storage]") {
  const TemporaryDirectory directory;
  std::string node;
  {
    const Storage storage(directory.path(), 0);
    node = storage.node();
    CHECK(node.starts_with("node-"));
    CHECK_THROWS_WITH(Storage(directory.path(), 0), Catch::Contains("another server runs on this directory"));
  }
  CHECK(Storage(directory.path(), 0).node() == node);
}

TEST_CASE("A start keeps apart what the database does not know, and deletes what was half deleted",
          "[server][storage]") {
  const TemporaryDirectory directory;
  const fs::path lost = directory.path() / "lost" / "images" / study_key("1.3");
  {
    Storage storage(directory.path(), 0);
    put(storage, "1.2", "1.2.3", "x");
    put(storage, "1.3", "1.3.3", "x");
    put(storage, "1.4", "1.4.3", "x");
    fs::create_directory(directory.path() / "images" / study_key("1.5"));  // without an image
    // 1.4 had been forgotten, or was about to be, and 1.6 had been moved.
    fs::create_directory(directory.path() / "trash" / (study_key("1.4") + ".0"));
    fs::create_directories(directory.path() / "trash" / (study_key("1.6") + ".17") / "images");
  }
  Storage storage(directory.path(), 0);
  CHECK(storage.settle({study_key("1.2")}) == 1);
  CHECK(fs::exists(directory.path() / "images" / study_key("1.2")));
  CHECK(std::distance(fs::directory_iterator(directory.path() / "images"), fs::directory_iterator()) == 1);
  CHECK(std::distance(fs::directory_iterator(lost), fs::directory_iterator()) == 1);
  CHECK(fs::is_empty(directory.path() / "trash"));

  put(storage, "1.3", "1.3.4", "y");
  const auto result = storage.make_result_directory(study_key("1.3"), 1);
  std::ofstream(directory.path() / result / "seg.dcm") << "segments";
  CHECK(storage.settle({study_key("1.2")}) == 1);
  CHECK(fs::exists(lost));
  CHECK_FALSE(fs::is_empty(lost.string() + ".1"));
  CHECK(content(directory.path() / "lost" / result / "seg.dcm") == "segments");
}

TEST_CASE("A directory whose database is another user's is not touched", "[server][storage]") {
  if (geteuid() != 0) return;  // nobody else can give a file away
  const TemporaryDirectory directory;
  const fs::path database = directory.path() / "metserve.db";
  std::ofstream(database) << "";
  const passwd* const other = getpwnam("nobody");
  REQUIRE(other != nullptr);
  REQUIRE(chown(database.c_str(), other->pw_uid, other->pw_gid) == 0);
  CHECK_THROWS_WITH(Storage(directory.path(), 0), Catch::Contains(directory.path().string()) &&
                                                      Catch::Contains("belongs to user nobody") &&
                                                      Catch::Contains("sudo -u nobody"));
  CHECK(kind_of_error([&] { Storage(directory.path(), 0); }) == Error::Kind::bad_call);
  CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("Commands that write patients' data hide what they make, whatever they are started with",
          "[server][storage]") {
  const mode_t before = umask(022);
  const auto modes = [](mode_t started_with) {
    umask(started_with);
    hide_new_files_from_others();
    const TemporaryDirectory directory;
    const fs::path state = directory.path() / "state";
    const Storage storage(state, 0);
    const SqliteStore store(storage.database_file(), [] { return std::chrono::system_clock::now(); });
    return std::pair(fs::status(state / "images").permissions(),
                     fs::status(storage.database_file()).permissions());
  };
  CHECK(modes(0022) == std::pair(fs::perms(0750), fs::perms(0640)));
  CHECK(modes(0077) == std::pair(fs::perms(0700), fs::perms(0600)));
  umask(before);
}

TEST_CASE("The check makes no directory, and tells of what is lost", "[server][storage][check]") {
  const TemporaryDirectory directory;
  StorageConfig config;
  config.directory = directory.path() / "not" / "yet";
  config.min_free_bytes = 0;
  CHECK_THAT(check_storage(config), Catch::Contains("which the first start makes"));
  CHECK(fs::is_empty(directory.path()));
  config.directory = "/proc/metserve";
  CHECK_THROWS_WITH(check_storage(config), Catch::Contains("/proc"));

  config.directory = directory.path();
  Storage storage(directory.path(), 0);
  put(storage, "1.2", "1.2.3", "x");
  CHECK_THAT(check_storage(config), Catch::EndsWith("GiB free"));
  storage.settle({});
  CHECK_THAT(check_storage(config), Catch::Contains("1 studies in " + storage.lost_directory().string()));
}

TEST_CASE("A study is discarded only when it was forgotten", "[server][storage]") {
  const TemporaryDirectory directory;
  Storage storage(directory.path(), 0);
  const auto image = put(storage, "1.2", "1.2.3", "x");
  storage.make_result_directory(study_key("1.2"), 1);
  storage.discard(study_key("1.2"), [] { return false; });
  CHECK(std::filesystem::exists(directory.path() / image));
  storage.discard(study_key("1.2"), [] { return true; });
  CHECK_FALSE(std::filesystem::exists(directory.path() / image));
  CHECK_FALSE(std::filesystem::exists(directory.path() / "results" / study_key("1.2")));
  put(storage, "1.2", "1.2.3", "x");
  CHECK(std::filesystem::exists(directory.path() / image));
}

TEST_CASE("A disk below its free space refuses new images", "[server][storage]") {
  const TemporaryDirectory directory;
  const Storage storage(directory.path(), std::uint64_t{1} << 62);
  try {
    storage.require_space(1);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::Kind::out_of_resources);
    CHECK_THAT(error.what(), Catch::Contains("storage.min_free_mib"));
  }
}

TEST_CASE("A result directory starts empty", "[server][storage]") {
  const TemporaryDirectory directory;
  Storage storage(directory.path(), 0);
  const auto result = storage.make_result_directory("abc", 3);
  std::ofstream(directory.path() / result / "seg.dcm") << "half";
  CHECK(storage.make_result_directory("abc", 3) == result);
  CHECK(std::filesystem::is_empty(directory.path() / result));
  storage.sync_result(result);
}

TEST_CASE("The dataset of a part 10 file begins after its meta information", "[server][storage]") {
  std::vector<std::uint8_t> file(128, 0);
  for (const char c : std::string("DICM")) file.push_back(static_cast<std::uint8_t>(c));
  for (const int byte : {2, 0, 0, 0, 'U' + 0, 'L' + 0, 4, 0, 3, 0, 0, 0})
    file.push_back(static_cast<std::uint8_t>(byte));
  for (const int byte : {1, 2, 3, 40, 50}) file.push_back(static_cast<std::uint8_t>(byte));
  const auto dataset = dataset_bytes(file);
  CHECK(std::vector<std::uint8_t>(dataset.begin(), dataset.end()) == std::vector<std::uint8_t>{40, 50});
  file[140] = 6;
  CHECK(dataset_bytes(file).size() == file.size());
  CHECK(dataset_bytes(bytes("short")).size() == 5);
}
