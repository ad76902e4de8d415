#include "tests/unit/pipeline/phantom.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

namespace metserve::pipeline::test {

namespace {

struct Ellipsoid {
  dicom::Vec3 centre, radius;
  float t1, flair;
};

std::vector<Ellipsoid> make_head() {
  std::vector<Ellipsoid> parts{{{0, 20, -110}, {55, 60, 110}, 500, 450},  // neck
                               {{0, 0, 0}, {76, 98, 95}, 900, 700},       // scalp
                               {{0, 0, 0}, {71, 93, 90}, 120, 100},       // skull
                               {{0, 0, 0}, {66, 88, 85}, 620, 520},       // brain
                               {{14, -5, 10}, {8, 30, 12}, 180, 60},      // ventricles
                               {{-14, -5, 10}, {8, 30, 12}, 180, 60}};
  std::mt19937 random(7);
  const auto uniform = [&random](double low, double high) {
    return low + (high - low) * static_cast<double>(random()) / 4294967296.0;
  };
  for (int blob = 0; blob < 60; ++blob) {
    const double t1 = uniform(250, 800);
    parts.push_back({{uniform(-45, 45), uniform(-65, 65), uniform(-50, 65)},
                     {uniform(4, 14), uniform(4, 14), uniform(4, 14)},
                     static_cast<float>(t1),
                     static_cast<float>(1000 - t1)});
  }
  return parts;
}

float intensity(const std::vector<Ellipsoid>& parts, const dicom::Vec3& point, PhantomContrast contrast) {
  float value = 0;
  for (const Ellipsoid& part : parts) {
    double square = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const double r = (point[c] - part.centre[c]) / part.radius[c];
      square += r * r;
    }
    if (square > 2) continue;
    // An edge about 2 mm wide, as partial volume makes it.
    const double narrowest = std::min({part.radius[0], part.radius[1], part.radius[2]});
    const double inside = std::clamp(0.5 + (1 - std::sqrt(square)) * narrowest / 2, 0.0, 1.0);
    value += static_cast<float>(inside) * ((contrast == PhantomContrast::t1 ? part.t1 : part.flair) - value);
  }
  return value;
}

}  // namespace

dicom::Volume phantom_head(const dicom::VolumeGeometry& geometry, PhantomContrast contrast,
                           const RigidTransform& motion) {
  const std::vector<Ellipsoid> parts = make_head();
  const RigidTransform back = inverse(motion);
  std::mt19937 random(contrast == PhantomContrast::t1 ? 1 : 2);
  dicom::Volume volume{geometry, {}};
  volume.voxels.reserve(geometry.voxel_count());
  for (std::size_t k = 0; k < geometry.size[2]; ++k)
    for (std::size_t j = 0; j < geometry.size[1]; ++j)
      for (std::size_t i = 0; i < geometry.size[0]; ++i) {
        const dicom::Vec3 seen =
            geometry.lps_mm({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        const auto noise = static_cast<float>(random() % 40);
        volume.voxels.push_back(intensity(parts, back.apply(seen), contrast) + noise);
      }
  return volume;
}

dicom::VolumeGeometry axial_geometry(double in_plane_mm, double slice_mm) {
  const auto edge = static_cast<std::size_t>(240 / in_plane_mm);
  const auto slices = static_cast<std::size_t>(180 / slice_mm);
  return {{edge, edge, slices}, {in_plane_mm, in_plane_mm, slice_mm}, {-117, -121, -78}};
}

dicom::VolumeGeometry sagittal_geometry(double in_plane_mm, double slice_mm) {
  const auto edge = static_cast<std::size_t>(250 / in_plane_mm);
  const auto slices = static_cast<std::size_t>(190 / slice_mm);
  dicom::VolumeGeometry geometry{
      {edge, edge, slices}, {in_plane_mm, in_plane_mm, slice_mm}, {96, -123, 113}, {}};
  geometry.axes_lps = {dicom::Vec3{0, 1, 0}, dicom::Vec3{0, 0, -1}, dicom::Vec3{-1, 0, 0}};
  return geometry;
}

RigidTransform motion_about(const dicom::Vec3& centre, const dicom::Vec3& degrees,
                            const dicom::Vec3& shift_mm) {
  RigidTransform result;
  auto& r = result.rotation;
  const auto angle = [&degrees](std::size_t c) { return degrees[c] * std::numbers::pi / 180; };
  const double cx = std::cos(angle(0)), sx = std::sin(angle(0));
  const double cy = std::cos(angle(1)), sy = std::sin(angle(1));
  const double cz = std::cos(angle(2)), sz = std::sin(angle(2));
  r = {cz * cy,
       cz * sy * sx - sz * cx,
       cz * sy * cx + sz * sx,
       sz * cy,
       sz * sy * sx + cz * cx,
       sz * sy * cx - cz * sx,
       -sy,
       cy * sx,
       cy * cx};
  const dicom::Vec3 turned = result.apply(centre);
  for (std::size_t c = 0; c < 3; ++c) result.translation_mm[c] = centre[c] + shift_mm[c] - turned[c];
  return result;
}

RigidTransform inverse(const RigidTransform& transform) {
  RigidTransform result;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      result.rotation[3 * row + column] = transform.rotation[3 * column + row];
  const dicom::Vec3 back = result.apply(transform.translation_mm);
  for (std::size_t c = 0; c < 3; ++c) result.translation_mm[c] = -back[c];
  return result;
}

double mean_target_error_mm(const RigidTransform& found, const RigidTransform& truth,
                            const dicom::Vec3& centre) {
  double sum = 0;
  int count = 0;
  for (double x = -60; x <= 60; x += 20)
    for (double y = -80; y <= 80; y += 20)
      for (double z = -60; z <= 80; z += 20) {
        const dicom::Vec3 point{centre[0] + x, centre[1] + y, centre[2] + z};
        const dicom::Vec3 a = found.apply(point);
        const dicom::Vec3 b = truth.apply(point);
        sum += std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
        ++count;
      }
  return sum / count;
}

}  // namespace metserve::pipeline::test
