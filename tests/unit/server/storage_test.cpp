#include "server/storage.h"

#include <fstream>
#include <iterator>

#include "server/error.h"
#include "server/hash.h"
#include "server/image_batch.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve::server;
using metserve::TemporaryDirectory;

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

TEST_CASE("A start clears what was half deleted and what nobody recorded", "[server][storage]") {
  const TemporaryDirectory directory;
  std::string known, unknown;
  {
    Storage storage(directory.path(), 0);
    known = put(storage, "1.2", "1.2.3", "x");
    unknown = put(storage, "1.3", "1.3.3", "x");
    std::filesystem::create_directory(directory.path() / "trash" / "17");
  }
  Storage storage(directory.path(), 0);
  storage.discard_unknown({study_key("1.2")});
  CHECK(std::filesystem::exists(directory.path() / known));
  CHECK_FALSE(std::filesystem::exists(directory.path() / unknown));
  CHECK(std::filesystem::is_empty(directory.path() / "trash"));
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
