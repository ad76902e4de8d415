#include "pipeline/network_grid.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pipeline/error.h"
#include "pipeline/resample.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/phantom.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;

namespace {

constexpr std::array<double, 3> spacing_mm{0.9375, 0.9375, 1.0};

/// A volume whose value at every voxel is a linear function of its place in patient space, in mm.
double ramp(const dicom::Vec3& lps_mm) {
  return 500 + 2 * lps_mm[0] - lps_mm[1] + 0.5 * lps_mm[2];
}

dicom::Volume ramp_volume(const dicom::VolumeGeometry& geometry) {
  dicom::Volume volume{geometry, {}};
  for (std::size_t k = 0; k < geometry.size[2]; ++k)
    for (std::size_t j = 0; j < geometry.size[1]; ++j)
      for (std::size_t i = 0; i < geometry.size[0]; ++i)
        volume.voxels.push_back(static_cast<float>(
            ramp(geometry.lps_mm({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}))));
  return volume;
}

/// Largest difference to the ramp over the middle of the grid.
double ramp_error(const dicom::Volume& volume, const RigidTransform& grid_to_source) {
  const auto& size = volume.geometry.size;
  double worst = 0;
  for (std::size_t k = size[2] / 4; k < 3 * size[2] / 4; ++k)
    for (std::size_t j = size[1] / 4; j < 3 * size[1] / 4; ++j)
      for (std::size_t i = size[0] / 4; i < 3 * size[0] / 4; ++i) {
        const dicom::Vec3 place =
            volume.geometry.lps_mm({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        const double expected = ramp(grid_to_source.apply(place));
        worst = std::max(worst, std::abs(expected - volume.voxels[(k * size[1] + j) * size[0] + i]));
      }
  return worst;
}

}  // namespace

TEST_CASE("The network's grid covers the head from the vertex down and is centred on it", "[grid]") {
  const auto geometry = GENERATE(axial_geometry(1.5, 2), sagittal_geometry(1.5, 2));
  const auto reference = phantom_head(geometry, PhantomContrast::t1, {});
  const auto grid = network_grid(reference, spacing_mm);

  CHECK(grid.size[0] == 256);
  CHECK(grid.size[1] == 256);
  CHECK(grid.spacing_mm == spacing_mm);
  CHECK(grid.axes_lps == std::array<dicom::Vec3, 3>{dicom::Vec3{1, 0, 0}, {0, 1, 0}, {0, 0, 1}});
  const dicom::Vec3 top = grid.lps_mm({128, 128, static_cast<double>(grid.size[2] - 1)});
  CHECK(std::abs(top[0]) < 4);
  CHECK(std::abs(top[1]) < 4);
  CHECK(top[2] > 94);  // the vertex is at 95, the axial volume ends there
  CHECK(top[2] < 104);
  const double bottom = grid.origin_lps_mm[2];
  CHECK(bottom < -70);
  CHECK(grid.size[2] <= 185);
}

TEST_CASE("The network's grid meets the voxels of an axial reference of its own spacing", "[grid]") {
  auto geometry = axial_geometry(0.9375, 1.0);
  geometry.size = {256, 256, 60};
  geometry.origin_lps_mm[2] = 20.3;
  const auto reference = phantom_head(geometry, PhantomContrast::t1, {});
  const auto grid = network_grid(reference, spacing_mm);
  const dicom::Vec3 index = geometry.index(grid.origin_lps_mm);
  for (const double i : index) CHECK(i == Approx(std::round(i)).margin(1e-9));
  const auto seen = resample(reference, grid, {});
  const auto i0 = static_cast<std::size_t>(std::lround(128 + index[0]));
  const auto j0 = static_cast<std::size_t>(std::lround(128 + index[1]));
  const auto k0 = static_cast<std::size_t>(std::lround(10 + index[2]));
  CHECK(seen.voxels[(10 * 256 + 128) * 256 + 128] ==
        Approx(reference.voxels[(k0 * 256 + j0) * 256 + i0]).epsilon(1e-5));
}

TEST_CASE("An empty volume has no network grid", "[grid]") {
  dicom::Volume empty{axial_geometry(8, 8), {}};
  empty.voxels.assign(empty.geometry.voxel_count(), 0.0F);
  CHECK_THROWS_AS(network_grid(empty, spacing_mm), Error);
}

TEST_CASE("Resampling keeps every point at its place in patient space", "[grid]") {
  dicom::VolumeGeometry grid{{64, 64, 40}, {2, 2, 2}, {-60, -70, -30}};
  auto source = GENERATE(axial_geometry(2.5, 3), sagittal_geometry(1.5, 4), axial_geometry(1.0, 1.0));
  SECTION("along the axes") {}
  SECTION("with an oblique source") {
    const double c = std::cos(0.4), s = std::sin(0.4);
    source.axes_lps = {dicom::Vec3{c, s, 0}, dicom::Vec3{-s, c, 0}, dicom::Vec3{0, 0, 1}};
    source.origin_lps_mm = {-60, -150, -78};
  }
  const RigidTransform motion = motion_about({5, 3, 9}, {4, -3, 6}, {2, -4, 3});
  const auto result = resample(ramp_volume(source), grid, motion);
  CHECK(ramp_error(result, motion) < 0.01);
}

TEST_CASE("Outside of the source there is nothing", "[grid]") {
  dicom::Volume source{{{4, 4, 4}, {1, 1, 1}, {0, 0, 0}}, std::vector<float>(64, 7.0F)};
  const auto result = resample(source, {{8, 1, 1}, {1, 1, 1}, {-2.4, 1, 1}}, {});
  CHECK(result.voxels == std::vector<float>{0, 0, 7, 7, 7, 7, 0, 0});
}

TEST_CASE("A source finer than the grid is averaged, not sampled", "[grid]") {
  // Stripes of one voxel: plain linear interpolation would return stripes or their aliases.
  dicom::Volume source{{{40, 8, 8}, {0.5, 1, 1}, {0, 0, 0}}, {}};
  for (std::size_t v = 0; v < source.geometry.voxel_count(); ++v)
    source.voxels.push_back(v % 2 == 0 ? 0.0F : 10.0F);
  const auto result = resample(source, {{12, 4, 4}, {1, 1, 1}, {3, 2, 2}}, {});
  for (const float value : result.voxels) CHECK(value == Approx(5));
}

TEST_CASE("Resampling does not depend on the order in which the source's voxels are stored", "[grid]") {
  const dicom::Volume axial = phantom_head(axial_geometry(3, 4), PhantomContrast::t1, {});
  const auto& size = axial.geometry.size;
  // The same voxels with the first two axes, the last two, and all three exchanged.
  const auto order = GENERATE(std::array<std::size_t, 3>{1, 0, 2}, std::array<std::size_t, 3>{0, 2, 1},
                              std::array<std::size_t, 3>{1, 2, 0});
  dicom::Volume other{axial.geometry, std::vector<float>(axial.voxels.size())};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    other.geometry.size[axis] = size[order[axis]];
    other.geometry.spacing_mm[axis] = axial.geometry.spacing_mm[order[axis]];
    other.geometry.axes_lps[axis] = axial.geometry.axes_lps[order[axis]];
  }
  std::array<std::size_t, 3> at{};
  for (std::size_t v = 0; v < other.voxels.size(); ++v) {
    std::array<std::size_t, 3> ijk{};
    for (std::size_t axis = 0; axis < 3; ++axis) ijk[order[axis]] = at[axis];
    other.voxels[v] = axial.voxels[(ijk[2] * size[1] + ijk[1]) * size[0] + ijk[0]];
    for (std::size_t axis = 0; axis < 3 && ++at[axis] == other.geometry.size[axis]; ++axis) at[axis] = 0;
  }
  const dicom::VolumeGeometry grid{{64, 50, 40}, {2.5, 2.5, 3}, {-70, -75, -60}};
  const RigidTransform motion = motion_about({5, 3, 9}, {4, -3, 6}, {2, -4, 3});
  const auto expected = resample(axial, grid, motion), result = resample(other, grid, motion);
  float largest = 0;
  for (std::size_t v = 0; v < expected.voxels.size(); ++v)
    largest = std::max(largest, std::abs(expected.voxels[v] - result.voxels[v]));
  CHECK(*std::max_element(expected.voxels.begin(), expected.voxels.end()) > 100);
  CHECK(largest < 0.1F);
}

TEST_CASE("On slices thicker than the source's every voxel is the mean over itself", "[grid]") {
  // A ball of 7 mm with an edge of 1 mm on slices of 6 mm, wherever it lies between two of them and however
  // the slices are turned.
  const double angle_deg = GENERATE(0.0, 25.0), phase = GENERATE(0.0, 0.25, 0.5, 0.75);
  const double c = std::cos(angle_deg * std::numbers::pi / 180),
               s = std::sin(angle_deg * std::numbers::pi / 180);
  const double thick_mm = 6, radius_mm = 3.5;
  dicom::VolumeGeometry slices{{41, 41, 9}, {1, 1, thick_mm}, {0, 0, 0}};
  slices.axes_lps = {dicom::Vec3{1, 0, 0}, dicom::Vec3{0, c, s}, dicom::Vec3{0, -s, c}};
  const dicom::Vec3 centre = slices.lps_mm({20, 20, 4 + phase});
  const auto inside = [&](const dicom::Vec3& p) {
    const double from_centre_mm = std::hypot(p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]);
    return static_cast<float>(std::clamp(radius_mm - from_centre_mm + 0.5, 0.0, 1.0));
  };
  dicom::Volume fine{{{60, 80, 90}, {1, 1, 1}, {-10, -30, -10}}, {}};
  for (std::size_t k = 0; k < fine.geometry.size[2]; ++k)
    for (std::size_t j = 0; j < fine.geometry.size[1]; ++j)
      for (std::size_t i = 0; i < fine.geometry.size[0]; ++i)
        fine.voxels.push_back(inside(
            fine.geometry.lps_mm({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)})));
  const auto on_slices = resample(fine, slices, {});
  const auto& size = slices.size;
  double error = 0, found_mm3 = 0, expected_mm3 = 0;
  for (std::size_t v = 0; v < on_slices.voxels.size(); ++v) {
    double mean = 0;
    constexpr int points = 24;
    for (int n = 0; n < points; ++n)
      mean +=
          inside(slices.lps_mm({static_cast<double>(v % size[0]), static_cast<double>(v / size[0] % size[1]),
                                static_cast<double>(v / size[0] / size[1]) + (n + 0.5) / points - 0.5})) /
          points;
    error += std::abs(mean - on_slices.voxels[v]);
    found_mm3 += on_slices.voxels[v] >= 0.5F ? thick_mm : 0;
    expected_mm3 += mean >= 0.5 ? thick_mm : 0;
  }
  INFO(angle_deg << " degrees, " << phase << " of a slice: " << found_mm3 << " mm3, of its means "
                 << expected_mm3 << " mm3, mean error " << error);
  CHECK(std::abs(found_mm3 - expected_mm3) <= 24);
  CHECK(error < 8);
}

TEST_CASE("The outermost thick slices are the mean over what the source has of them", "[grid]") {
  const dicom::Volume source{{{4, 4, 13}, {1, 1, 1}, {0, 0, 0}}, std::vector<float>(208, 7.0F)};
  const auto result = resample(source, {{1, 1, 5}, {1, 1, 6}, {1, 1, -6}}, {});
  CHECK(result.voxels == std::vector<float>{0, 7, 7, 7, 0});
}
