#include "pipeline/contours.h"

#include <queue>
#include <random>

#include "pipeline/contours_outline.h"
#include "pipeline/error.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve;
using namespace metserve::pipeline;
using dicom::testing::all_planes;
using dicom::testing::axes_of;
using dicom::testing::draw;
using dicom::testing::name_of;
using dicom::testing::Plane;

namespace {

dicom::VolumeGeometry make_geometry(Plane plane, std::array<std::size_t, 3> size) {
  dicom::VolumeGeometry g;
  g.size = size;
  g.spacing_mm = {0.9, 1.1, 1.3};
  g.axes_lps = axes_of(plane);
  g.origin_lps_mm = {-31.5, 12.25, 87};
  return g;
}

/// Voxel centres within the contours of one lesion, by the even-odd rule on each plane.
std::vector<bool> rasterised(const dicom::VolumeGeometry& g, const std::vector<dicom::Contour>& contours) {
  std::vector<bool> mask(g.voxel_count(), false);
  for (const dicom::Contour& contour : contours) {
    Outline outline;
    for (const dicom::Vec3& p : contour.points_lps_mm) {
      const dicom::Vec3 index = g.index(p);
      REQUIRE(std::abs(index[2] - static_cast<double>(contour.slice)) < 1e-9);
      outline.push_back({index[0], index[1]});
    }
    for (std::size_t j = 0; j < g.size[1]; ++j)
      for (std::size_t i = 0; i < g.size[0]; ++i) {
        const auto x = static_cast<double>(i), y = static_cast<double>(j);
        bool inside = false;
        for (std::size_t a = 0, b = outline.size() - 1; a < outline.size(); b = a++)
          if ((outline[a][1] > y) != (outline[b][1] > y) &&
              x < (outline[b][0] - outline[a][0]) * (y - outline[a][1]) / (outline[b][1] - outline[a][1]) +
                      outline[a][0])
            inside = !inside;
        const std::size_t v = (contour.slice * g.size[1] + j) * g.size[0] + i;
        if (inside) mask[v] = !mask[v];
      }
  }
  return mask;
}

/// The mask of one label with each slice's holes filled, breadth first from a frame around the slice.
std::vector<bool> filled(const dicom::VolumeGeometry& g, const std::vector<std::uint16_t>& labels,
                         std::uint16_t label) {
  std::vector<bool> mask(g.voxel_count(), true);
  const auto columns = static_cast<std::ptrdiff_t>(g.size[0]), rows = static_cast<std::ptrdiff_t>(g.size[1]);
  for (std::size_t k = 0; k < g.size[2]; ++k) {
    std::vector<bool> seen(static_cast<std::size_t>((columns + 2) * (rows + 2)), false);
    std::queue<std::pair<std::ptrdiff_t, std::ptrdiff_t>> open({{-1, -1}});
    seen[0] = true;
    while (!open.empty()) {
      const auto [i, j] = open.front();
      open.pop();
      const bool in_slice = i >= 0 && i < columns && j >= 0 && j < rows;
      if (in_slice) mask[k * g.size[0] * g.size[1] + static_cast<std::size_t>(j * columns + i)] = false;
      for (const auto& [di, dj] : {std::pair(-1, 0), std::pair(1, 0), std::pair(0, -1), std::pair(0, 1)}) {
        const std::ptrdiff_t ni = i + di, nj = j + dj;
        if (ni < -1 || ni > columns || nj < -1 || nj > rows) continue;
        const auto at = static_cast<std::size_t>((nj + 1) * (columns + 2) + ni + 1);
        if (seen[at]) continue;
        if (ni >= 0 && ni < columns && nj >= 0 && nj < rows &&
            labels[k * g.size[0] * g.size[1] + static_cast<std::size_t>(nj * columns + ni)] == label)
          continue;
        seen[at] = true;
        open.push({ni, nj});
      }
    }
  }
  return mask;
}

}  // namespace

TEST_CASE("Rasterised contours give the mask with its holes filled, whatever its shape",
          "[pipeline][contours]") {
  std::mt19937 random(5);
  for (const double density : {0.02, 0.3, 0.5, 0.6, 0.9, 1.0}) {
    const auto g = make_geometry(Plane::oblique, {23, 17, 6});
    std::vector<std::uint16_t> labels(g.voxel_count());
    std::bernoulli_distribution set(density);
    std::uniform_int_distribution<int> lesion(1, density == 0.3 ? 3 : 1);
    for (auto& label : labels) label = set(random) ? static_cast<std::uint16_t>(lesion(random)) : 0;
    const auto contours = lesion_contours(g, labels, 3);
    REQUIRE(contours.size() == 3);
    for (std::uint16_t n = 1; n <= 3; ++n) {
      INFO("density " << density << " lesion " << n);
      REQUIRE((rasterised(g, contours[n - 1u]) == filled(g, labels, n)));
    }
  }
}

TEST_CASE("A lone voxel becomes a diamond half way to its neighbours", "[pipeline][contours]") {
  const auto g = make_geometry(Plane::axial, {5, 5, 3});
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  labels[(1 * 5 + 0) * 5 + 4] = 1;  // in a corner of the slice
  const auto contours = lesion_contours(g, labels, 1);
  REQUIRE(contours[0].size() == 1);
  REQUIRE(contours[0][0].slice == 1);
  REQUIRE(contours[0][0].points_lps_mm.size() == 4);
  for (const dicom::Vec3& p : contours[0][0].points_lps_mm) {
    const dicom::Vec3 index = g.index(p);
    REQUIRE(std::abs(index[0] - 4) + std::abs(index[1] - 0) == Approx(0.5));
  }
}

TEST_CASE("Every outline encloses half a pixel less than its voxels", "[pipeline][contours]") {
  const auto g = make_geometry(Plane::axial, {40, 40, 20});
  const double radius_mm = GENERATE(0.2, 2.0, 5.0, 12.0);
  const auto labels = draw(g, {{g.lps_mm({20, 20, 10}), radius_mm}});
  const auto contours = lesion_contours(g, labels, 1);
  double area = 0;  // pixels, by the shoelace formula
  for (const dicom::Contour& contour : contours[0]) {
    const auto& points = contour.points_lps_mm;
    double twice = 0;
    for (std::size_t a = 0, b = points.size() - 1; a < points.size(); b = a++)
      twice += g.index(points[b])[0] * g.index(points[a])[1] - g.index(points[a])[0] * g.index(points[b])[1];
    area += std::abs(twice) / 2;
  }
  const auto voxels = static_cast<double>(std::count(labels.begin(), labels.end(), 1));
  CHECK(area == Approx(voxels - 0.5 * static_cast<double>(contours[0].size())));
}

TEST_CASE("Straight edges carry no points between their ends", "[pipeline][contours]") {
  const auto g = make_geometry(Plane::axial, {40, 40, 1});
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  for (std::size_t j = 5; j < 35; ++j)
    for (std::size_t i = 5; i < 35; ++i) labels[j * 40 + i] = 1;
  REQUIRE(lesion_contours(g, labels, 1)[0][0].points_lps_mm.size() == 8);
}

TEST_CASE("Contours have at most 1000 points and still bound the mask", "[pipeline][contours]") {
  // A comb with slanting teeth: far more than 1000 corners.
  const auto g = make_geometry(Plane::coronal, {400, 120, 1});
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  for (std::size_t j = 0; j < 120; ++j)
    for (std::size_t i = 0; i < 400; ++i) labels[j * 400 + i] = j < 3 || (i + j / 2) % 25 < 12 ? 1 : 0;
  const auto contours = lesion_contours(g, labels, 1);
  for (const dicom::Contour& contour : contours[0]) {
    REQUIRE(contour.points_lps_mm.size() >= 3);
    REQUIRE(contour.points_lps_mm.size() <= max_contour_points);
  }
  const auto seen = rasterised(g, contours[0]), wanted = filled(g, labels, 1);
  std::size_t both = 0, sum = 0;
  for (std::size_t v = 0; v < seen.size(); ++v) {
    both += seen[v] && wanted[v];
    sum += static_cast<std::size_t>(seen[v]) + static_cast<std::size_t>(wanted[v]);
  }
  REQUIRE(2.0 * static_cast<double>(both) / static_cast<double>(sum) > 0.99);
}

TEST_CASE("Contours of a lesion lie where the lesion lies in the patient, in every orientation",
          "[pipeline][contours]") {
  for (const Plane plane : all_planes) {
    INFO(name_of(plane));
    const auto g = make_geometry(plane, {61, 47, 20});
    const dicom::Vec3 centre = g.lps_mm({33.3, 20.8, 9.4});
    const auto contours = lesion_contours(g, draw(g, {{centre, 6}}), 1);
    dicom::Vec3 mean{};
    double area_sum = 0;
    for (const dicom::Contour& contour : contours[0]) {
      const auto& points = contour.points_lps_mm;
      // Area-weighted centroid of the polygon as a fan of triangles around its first point.
      for (std::size_t p = 1; p + 1 < points.size(); ++p) {
        dicom::Vec3 a{}, b{};
        for (std::size_t c = 0; c < 3; ++c)
          a[c] = points[p][c] - points[0][c], b[c] = points[p + 1][c] - points[0][c];
        const dicom::Vec3 n = dicom::testing::cross(a, b);
        const double area = (n[0] * g.axes_lps[2][0] + n[1] * g.axes_lps[2][1] + n[2] * g.axes_lps[2][2]) / 2;
        area_sum += area;
        for (std::size_t c = 0; c < 3; ++c)
          mean[c] += area * (points[0][c] + points[p][c] + points[p + 1][c]) / 3;
      }
    }
    for (std::size_t c = 0; c < 3; ++c) REQUIRE(std::abs(mean[c] / area_sum - centre[c]) < 0.45);
    const double volume = std::abs(area_sum) * g.spacing_mm[2];
    REQUIRE(volume == Approx(4.0 / 3 * 3.14159265 * 6 * 6 * 6).epsilon(0.03));
  }
}

TEST_CASE("Contours refuse a label map that does not fit", "[pipeline][contours]") {
  const auto g = make_geometry(Plane::axial, {5, 5, 3});
  REQUIRE_THROWS_AS(lesion_contours(g, std::vector<std::uint16_t>(7), 1), Error);
  REQUIRE_THROWS_AS(lesion_contours(g, std::vector<std::uint16_t>(g.voxel_count(), 2), 1), Error);
}

TEST_CASE("Each of 300 lesions has an outline in each of its slices", "[pipeline][contours]") {
  const auto g = make_geometry(Plane::axial, {256, 256, 300});
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  for (std::size_t n = 0; n < 300; ++n)
    for (std::size_t v = 0; v < 1000; ++v) {
      const std::size_t i = n % 20 * 12 + v % 10, j = n / 20 * 12 + v / 10 % 10, k = n % 29 * 10 + v / 100;
      labels[(k * 256 + j) * 256 + i] = static_cast<std::uint16_t>(n + 1);
    }
  const auto contours = lesion_contours(g, labels, 300);
  for (const auto& lesion : contours) REQUIRE(lesion.size() == 10);
}

TEST_CASE("An outline of too many corners is thinned without leaving its place", "[pipeline][contours]") {
  Outline gear;
  for (int p = 0; p < 6000; ++p) {
    const double angle = p * 2 * 3.14159265 / 6000, radius = 100 + (p % 2) * 0.1;
    gear.push_back({radius * std::cos(angle), radius * std::sin(angle)});
  }
  const Outline thinned = reduced(gear);
  REQUIRE(thinned.size() >= 30);
  REQUIRE(thinned.size() <= max_contour_points);
  for (std::size_t p = 0; p < thinned.size(); ++p) {
    const auto& a = thinned[p];
    const auto& b = thinned[(p + 1) % thinned.size()];
    REQUIRE(std::hypot((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) == Approx(100.05).margin(0.35));
  }
}
