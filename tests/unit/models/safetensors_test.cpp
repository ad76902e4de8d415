#include "models/safetensors.h"

#include <fstream>

#include <torch/types.h>

#include "models/error.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

void write_raw(const std::filesystem::path& file, const std::string& header, std::size_t data_bytes) {
  std::ofstream stream(file, std::ios::binary);
  const std::uint64_t length = header.size();
  stream.write(reinterpret_cast<const char*>(&length), sizeof length);
  stream << header << std::string(data_bytes, '\0');
}

}  // namespace

TEST_CASE("Tensors and metadata come back as they were written", "[safetensors]") {
  const TemporaryDirectory directory;
  Safetensors written;
  written.metadata = {{"name", "a \"quoted\" name"}};
  written.tensors = {{"a", torch::arange(3, torch::kUInt8)},
                     {"b", torch::rand({2, 5}).t()},
                     {"c", torch::tensor(7, torch::kInt64)},
                     {"d", torch::rand({4}).to(torch::kFloat16)},
                     {"e", torch::empty({0, 3})}};
  write_safetensors(written, directory / "x.safetensors");
  const Safetensors read = read_safetensors(directory / "x.safetensors");
  CHECK(read.metadata == written.metadata);
  REQUIRE(read.tensors.size() == 5);
  for (const auto& [key, tensor] : written.tensors) {
    INFO(key);
    CHECK(read.tensors.at(key).scalar_type() == tensor.scalar_type());
    CHECK(torch::equal(read.tensors.at(key), tensor));
  }
}

TEST_CASE("A file cut off anywhere is refused", "[safetensors]") {
  const TemporaryDirectory directory;
  Safetensors written;
  written.tensors = {{"a", torch::rand({100})}};
  write_safetensors(written, directory / "x");
  for (std::uintmax_t size : {0u, 5u, 20u, 100u, 300u}) {
    std::filesystem::copy_file(directory / "x", directory / "cut",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(directory / "cut", size);
    CHECK_THROWS_WITH(read_safetensors(directory / "cut"), Contains("truncated"));
  }
}

TEST_CASE("Headers that do not hold together are refused with what is wrong", "[safetensors]") {
  const TemporaryDirectory directory;
  const auto refused = [&](const std::string& header, std::size_t bytes, const std::string& reason) {
    write_raw(directory / "x", header, bytes);
    CHECK_THROWS_WITH(read_safetensors(directory / "x"), Contains(reason));
  };
  refused("not json", 4, "not JSON");
  refused("[1, 2]", 4, "header");
  refused(R"({"a":{"dtype":"F32","shape":[1]}})", 4, "header");
  refused(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "F31");
  refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "bytes of its shape");
  refused(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "shape");
  refused(R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4, "shape");
  refused(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "no whole numbers: 1.5");
  refused(R"({"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}})", 4, "no whole numbers: true");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4.0]}})", 4, "no whole numbers: 4.0");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4, "no whole numbers: -4");
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "bytes of its shape");
  refused(
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
      8, "overlaps");
}

TEST_CASE("A missing tensor, type or shape is named", "[safetensors]") {
  Safetensors contents;
  contents.tensors = {{"a", torch::zeros({2, 3})}};
  CHECK(contents.get("a", torch::kFloat32, {2, -1}).numel() == 6);
  CHECK_THROWS_WITH(contents.get("b", torch::kFloat32, {2, 3}), Contains("'b' is missing"));
  CHECK_THROWS_WITH(contents.get("a", torch::kInt16, {2, 3}), Contains("Short"));
  CHECK_THROWS_WITH(contents.get("a", torch::kFloat32, {3, 2}), Contains("[2,3]"));
  CHECK_THROWS_WITH(contents.meta("step"), Contains("step"));
}
