#include "pipeline/registration_search.h"

#include <cmath>

namespace metserve::pipeline {

namespace {

using Matrix3 = std::array<double, 9>;

Matrix3 product(const Matrix3& a, const Matrix3& b) {
  Matrix3 result{};
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      for (std::size_t n = 0; n < 3; ++n) result[3 * row + column] += a[3 * row + n] * b[3 * n + column];
  return result;
}

/// The matrix of the cross product with unit vector `axis`.
Matrix3 cross(std::size_t axis) {
  Matrix3 result{};
  const std::size_t next = (axis + 1) % 3;
  const std::size_t last = (axis + 2) % 3;
  result[3 * last + next] = 1;
  result[3 * next + last] = -1;
  return result;
}

/// Rotation of a Gibbs vector g (axis times the tangent of half the angle):
/// ((1 - g.g) I + 2 g g' + 2 [g]) / (1 + g.g).
Matrix3 rotation_of(const dicom::Vec3& g) {
  const double square = g[0] * g[0] + g[1] * g[1] + g[2] * g[2];
  Matrix3 result{};
  for (std::size_t a = 0; a < 3; ++a) {
    const Matrix3 turn = cross(a);
    for (std::size_t n = 0; n < 9; ++n) result[n] += 2 * g[a] * turn[n];
    for (std::size_t b = 0; b < 3; ++b) result[3 * a + b] += 2 * g[a] * g[b];
    result[4 * a] += 1 - square;
  }
  for (double& entry : result) entry /= 1 + square;
  return result;
}

/// Derivative of that rotation by g[axis].
Matrix3 rotation_slope(const dicom::Vec3& g, std::size_t axis) {
  const double square = g[0] * g[0] + g[1] * g[1] + g[2] * g[2];
  const Matrix3 rotation = rotation_of(g);
  Matrix3 result = cross(axis);
  for (std::size_t n = 0; n < 3; ++n) {
    result[3 * axis + n] += g[n];
    result[3 * n + axis] += g[n];
    result[4 * n] -= g[axis];
  }
  for (std::size_t n = 0; n < 9; ++n) result[n] = 2 * (result[n] - g[axis] * rotation[n]) / (1 + square);
  return result;
}

/// Root mean square shift of the sample points, mm, per unit of each number of `moved`.
Vector6 shift_per_unit(const FixedSamples& samples, const RigidTransform& start, const dicom::Vec3& centre) {
  const dicom::Vec3 turned_centre = start.apply(centre);
  dicom::Vec3 square{};
  for (const dicom::Vec3& point : samples.points_lps_mm) {
    const dicom::Vec3 turned = start.apply(point);
    for (std::size_t c = 0; c < 3; ++c)
      square[c] += std::pow(turned[c] - turned_centre[c], 2) / static_cast<double>(samples.bins.size());
  }
  return {2 * std::sqrt(square[1] + square[2]),
          2 * std::sqrt(square[0] + square[2]),
          2 * std::sqrt(square[0] + square[1]),
          1,
          1,
          1};
}

}  // namespace

RigidTransform moved(const RigidTransform& from, const dicom::Vec3& centre_lps_mm, const Vector6& by) {
  RigidTransform result;
  result.rotation = product(rotation_of({by[0], by[1], by[2]}), from.rotation);
  const dicom::Vec3 centre = from.apply(centre_lps_mm);
  const dicom::Vec3 turned = result.apply(centre_lps_mm);
  for (std::size_t c = 0; c < 3; ++c) result.translation_mm[c] = centre[c] + by[3 + c] - turned[c];
  return result;
}

RigidTransform search(MutualInformation& information, const FixedSamples& fixed, const RigidTransform& start,
                      const SearchOptions& options) {
  const dicom::Vec3& centre = options.centre_lps_mm;
  const Vector6 shift = shift_per_unit(fixed, start, centre);
  const auto by_of = [&shift](Vector6 mm) {
    for (std::size_t n = 0; n < 6; ++n) mm[n] /= shift[n];
    return mm;
  };
  const auto objective = [&](const Vector6& mm, Vector6& gradient) {
    const Vector6 by = by_of(mm);
    TransformGradient slope;
    const double nats = information.at(moved(start, centre, by), &slope);
    for (std::size_t n = 0; n < 3; ++n) {
      const Matrix3 turn = product(rotation_slope({by[0], by[1], by[2]}, n), start.rotation);
      double along = 0;
      for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t d = 0; d < 3; ++d)
          along += turn[3 * c + d] * (slope.rotation[3 * c + d] - slope.translation_mm[c] * centre[d]);
      gradient[n] = -along / shift[n];
      gradient[3 + n] = -slope.translation_mm[n];
    }
    return -nats;
  };
  const double edge = options.edge_mm;
  return moved(start, centre, by_of(minimise(objective, {0.25 * edge, edge, 0.01 * edge, 40})));
}

}  // namespace metserve::pipeline
