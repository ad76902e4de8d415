#include "models/cache.h"

#include <vector>

#include <torch/types.h>

#include "models/device.h"
#include "models/error.h"
#include "models/study.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

TEST_CASE("Studies are the same simulated one by one and side by side", "[cache]") {
  const TemporaryDirectory one_by_one, side_by_side;
  CacheOptions options;
  options.studies = 2;
  options.first = 5;
  {
    const ThreadLimit one(1);
    build_cache({}, options, one_by_one.path(), {});
  }
  std::vector<int> done;
  build_cache({}, options, side_by_side.path(), [&](int count) { done.push_back(count); });
  CHECK(done == std::vector<int>{1, 2});
  const auto expected = read_studies(one_by_one.path(), options.clahe);
  const auto studies = read_studies(side_by_side.path(), options.clahe);
  REQUIRE(studies.size() == 2);
  for (std::size_t i = 0; i < studies.size(); ++i) {
    CHECK(studies[i].name == expected[i].name);
    CHECK(torch::equal(studies[i].images, expected[i].images));
    CHECK(torch::equal(studies[i].truth, expected[i].truth));
  }
}

TEST_CASE("A study that cannot be simulated ends the others", "[cache]") {
  const TemporaryDirectory directory;
  const Anatomy nobody{
      .name = "nobody", .labels = torch::zeros({32, 32, 32}, torch::kInt16), .spacing_mm = 1};
  CHECK_THROWS_AS(build_cache({nobody}, {}, directory.path(), {}), Error);
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("Studies that are there are kept, those of other options are refused", "[cache]") {
  const TemporaryDirectory directory;
  CacheOptions options;
  options.studies = 1;
  build_cache({}, options, directory.path(), {});
  const auto file = directory / "study_0000.safetensors";
  const auto written = std::filesystem::last_write_time(file);
  build_cache({}, options, directory.path(), {});
  CacheOptions other = options;
  other.simulator.random_contrasts = 0;
  CHECK_THROWS_WITH(build_cache({}, other, directory.path(), {}), Contains("\"random_contrasts\":0.25"));
  other = options;
  other.seed = 2;
  CHECK_THROWS_WITH(build_cache({}, other, directory.path(), {}), Contains("study_0000.safetensors"));
  CHECK(std::filesystem::last_write_time(file) == written);
}
