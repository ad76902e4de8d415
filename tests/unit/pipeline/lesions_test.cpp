#include "pipeline/lesions.h"

#include <random>

#include "pipeline/error.h"
#include "pipeline/lesions_diameter.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve;
using namespace metserve::pipeline;
using dicom::testing::all_planes;
using dicom::testing::axes_of;
using dicom::testing::draw;
using dicom::testing::name_of;
using dicom::testing::Plane;

namespace {

dicom::Volume make_volume(std::array<std::size_t, 3> size, dicom::Vec3 spacing_mm = {1, 1, 1}) {
  dicom::Volume volume;
  volume.geometry.size = size;
  volume.geometry.spacing_mm = spacing_mm;
  volume.voxels.assign(volume.geometry.voxel_count(), 0.0F);
  return volume;
}

void fill(dicom::Volume& volume, std::array<std::size_t, 3> low, std::array<std::size_t, 3> high,
          float value) {
  const auto& size = volume.geometry.size;
  for (std::size_t k = low[2]; k < high[2]; ++k)
    for (std::size_t j = low[1]; j < high[1]; ++j)
      for (std::size_t i = low[0]; i < high[0]; ++i) volume.voxels[(k * size[1] + j) * size[0] + i] = value;
}

}  // namespace

TEST_CASE("Lesions are numbered by falling volume and measured", "[pipeline][lesions]") {
  auto volume = make_volume({40, 30, 20}, {0.5, 1, 2});
  fill(volume, {2, 2, 2}, {6, 6, 5}, 0.75F);      // 48 voxels
  fill(volume, {20, 10, 8}, {30, 18, 12}, 0.5F);  // 320 voxels, at the threshold
  volume.voxels[(9 * 30 + 12) * 40 + 25] = 1.0F;
  LesionMap map = find_lesions(volume, {});
  take_probabilities(map, volume.voxels);
  REQUIRE(map.lesions.size() == 2);
  const Lesion& large = map.lesions[0];
  REQUIRE(large.number == 1);
  REQUIRE(large.volume_mm3 == Approx(320));
  REQUIRE(large.centroid_lps_mm[0] == Approx(24.5 * 0.5));
  REQUIRE(large.centroid_lps_mm[1] == Approx(13.5));
  REQUIRE(large.centroid_lps_mm[2] == Approx(9.5 * 2));
  REQUIRE(large.max_probability == Approx(1));
  REQUIRE(large.mean_probability == Approx((319 * 0.5 + 1) / 320));
  REQUIRE(map.lesions[1].number == 2);
  REQUIRE(map.lesions[1].volume_mm3 == Approx(48));
  REQUIRE(map.labels[(9 * 30 + 12) * 40 + 25] == 1);
  REQUIRE(map.labels[(3 * 30 + 3) * 40 + 3] == 2);
  REQUIRE(std::count(map.labels.begin(), map.labels.end(), 0) == 40 * 30 * 20 - 320 - 48);
}

TEST_CASE("The core of a ring belongs to the lesion", "[pipeline][lesions]") {
  auto volume = make_volume({40, 30, 20});
  fill(volume, {10, 10, 5}, {20, 22, 12}, 0.9F);
  fill(volume, {12, 12, 5}, {18, 20, 12}, 0.1F);  // open towards the neighbouring slices alone
  const LesionMap map = find_lesions(volume, {});
  REQUIRE(map.lesions.size() == 1);
  CHECK(map.lesions[0].volume_mm3 == Approx(10 * 12 * 7));
  CHECK(map.labels[(8 * 30 + 15) * 40 + 15] == 1);
  SECTION("where it is open within a slice that slice stays open") {
    fill(volume, {10, 15, 8}, {12, 16, 9}, 0.1F);
    CHECK(find_lesions(volume, {}).lesions[0].volume_mm3 == Approx(10 * 12 * 7 - 6 * 8 - 2));
  }
}

TEST_CASE("Voxels that touch at a corner are one lesion", "[pipeline][lesions]") {
  auto volume = make_volume({20, 20, 20});
  fill(volume, {2, 2, 2}, {5, 5, 5}, 0.9F);
  fill(volume, {5, 5, 5}, {8, 8, 8}, 0.9F);
  fill(volume, {9, 5, 5}, {12, 8, 8}, 0.9F);  // a voxel away
  const LesionMap map = find_lesions(volume, {});
  REQUIRE(map.lesions.size() == 2);
  REQUIRE(map.lesions[0].volume_mm3 == Approx(54));
}

TEST_CASE("Components below the minimum volume are dropped, at it they stay", "[pipeline][lesions]") {
  auto volume = make_volume({20, 20, 20}, {1, 1, 1.25});
  fill(volume, {2, 2, 2}, {4, 4, 4}, 0.9F);    // 8 voxels are 10 mm3
  fill(volume, {10, 2, 2}, {17, 3, 3}, 0.9F);  // 7 voxels
  const LesionMap map = find_lesions(volume, {.threshold = 0.5, .minimum_volume_mm3 = 10});
  REQUIRE(map.lesions.size() == 1);
  REQUIRE(map.lesions[0].volume_mm3 == Approx(10));
  REQUIRE(std::count(map.labels.begin(), map.labels.end(), 0) == 8000 - 8);
}

TEST_CASE("A volume without lesions gives an empty map of its own size", "[pipeline][lesions]") {
  const LesionMap map = find_lesions(make_volume({9, 8, 7}), {});
  REQUIRE(map.lesions.empty());
  REQUIRE(map.labels == std::vector<std::uint16_t>(9 * 8 * 7, 0));
}

TEST_CASE("A sphere comes out at its place and with its diameter in every orientation",
          "[pipeline][lesions]") {
  for (const Plane plane : all_planes) {
    INFO(name_of(plane));
    auto volume = make_volume({61, 47, 40}, {0.9, 1.1, 1.3});
    volume.geometry.axes_lps = axes_of(plane);
    volume.geometry.origin_lps_mm = {-31.5, 12.25, 87};
    const dicom::Vec3 centre = volume.geometry.lps_mm({33.3, 20.8, 19.4});
    const auto labels = draw(volume.geometry, {{centre, 10}});
    for (std::size_t v = 0; v < labels.size(); ++v) volume.voxels[v] = labels[v] != 0 ? 1.0F : 0.0F;
    const LesionMap map = find_lesions(volume, {});
    REQUIRE(map.lesions.size() == 1);
    REQUIRE((map.labels == labels));
    for (std::size_t c = 0; c < 3; ++c)
      REQUIRE(std::abs(map.lesions[0].centroid_lps_mm[c] - centre[c]) < 0.45);
    REQUIRE(map.lesions[0].volume_mm3 == Approx(4188.79).epsilon(0.02));
    REQUIRE(map.lesions[0].longest_diameter_mm == Approx(20).margin(1.3));
  }
}

TEST_CASE("The longest diameter is that of all pairs of voxels", "[pipeline][lesions]") {
  std::mt19937 random(3);
  const auto spacing = GENERATE(dicom::Vec3{0.7, 1.0, 2.5}, dicom::Vec3{0.45, 0.45, 6},
                                dicom::Vec3{3, 3, 0.5}, dicom::Vec3{1, 1, 1});
  for (int run = 0; run < 40; ++run) {
    std::vector<std::array<std::size_t, 3>> voxels;
    std::bernoulli_distribution set(run % 2 == 0 ? 0.1 : 0.8);
    for (std::size_t k = 0; k < 5; ++k)
      for (std::size_t j = 0; j < 9; ++j)
        for (std::size_t i = 0; i < 7; ++i)
          if (set(random)) voxels.push_back({i + 100, j + 3, k});
    double best = 0;
    for (const auto& a : voxels)
      for (const auto& b : voxels) {
        double squared = 0, voxel = 0;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          const double d = (static_cast<double>(a[axis]) - static_cast<double>(b[axis])) * spacing[axis];
          squared += d * d;
          voxel += d * d * spacing[axis] * spacing[axis];
        }
        if (squared > 0) best = std::max(best, std::sqrt(squared) + std::sqrt(voxel / squared));
      }
    INFO("run " << run << ", " << voxels.size() << " voxels of " << spacing[0] << " x " << spacing[2]
                << " mm");
    REQUIRE(longest_diameter_mm(voxels, spacing) == Approx(best));
  }
}

TEST_CASE("A lesion is as long as its voxels", "[pipeline][lesions]") {
  const dicom::Vec3 spacing{0.7, 1.0, 2.5}, thick{0.45, 0.45, 6};
  REQUIRE(longest_diameter_mm({{4, 4, 4}}, spacing) == Approx(2.5));
  REQUIRE(longest_diameter_mm({{4, 4, 4}, {5, 4, 4}, {6, 4, 4}, {7, 4, 4}}, spacing) == Approx(2.8));
  REQUIRE(longest_diameter_mm({{4, 4, 4}}, thick) == Approx(6));
  REQUIRE(longest_diameter_mm({{4, 4, 4}, {5, 4, 4}, {4, 5, 4}, {5, 5, 4}}, thick) == Approx(6));
  // A row of 23 voxels and one above its middle: 10.35 mm along the row, more from its end to that one.
  std::vector<std::array<std::size_t, 3>> tee;
  for (std::size_t column = 0; column < 23; ++column) tee.push_back({column, 0, 0});
  tee.push_back({11, 0, 1});
  REQUIRE(longest_diameter_mm(tee, thick) == Approx(12.4155).margin(1e-4));
}

TEST_CASE("Wrong thresholds and volumes are refused by name", "[pipeline][lesions]") {
  auto volume = make_volume({4, 4, 4});
  REQUIRE_THROWS_AS(find_lesions(volume, {.threshold = 0}), Error);
  REQUIRE_THROWS_AS(find_lesions(volume, {.threshold = 1.5}), Error);
  volume.voxels.pop_back();
  REQUIRE_THROWS_AS(find_lesions(volume, {}), Error);
}

TEST_CASE("A whole head above the threshold is one lesion", "[pipeline][lesions]") {
  auto volume = make_volume({256, 256, 200});
  const auto labels = draw(volume.geometry, {{{128, 128, 100}, 80}});
  for (std::size_t v = 0; v < labels.size(); ++v) volume.voxels[v] = labels[v] != 0 ? 1.0F : 0.0F;
  const LesionMap map = find_lesions(volume, {});
  REQUIRE(map.lesions.size() == 1);
  REQUIRE(map.lesions[0].longest_diameter_mm == Approx(161).margin(1));
}
