#include "pipeline/quasi_newton.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace metserve::pipeline {

namespace {

using Matrix6 = std::array<Vector6, 6>;

struct Place {
  Vector6 point{}, gradient{};
  double value = 0;
};

double dot(const Vector6& a, const Vector6& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double norm(const Vector6& a) {
  return std::sqrt(dot(a, a));
}

Vector6 scaled(Vector6 a, double factor) {
  for (double& x : a) x *= factor;
  return a;
}

/// Identity, scaled so that the first step has the wanted length.
Matrix6 fresh_inverse_hessian(const Vector6& gradient, double first_step) {
  Matrix6 result{};
  const double diagonal = first_step / std::max(norm(gradient), 1e-12);
  for (std::size_t n = 0; n < 6; ++n) result[n][n] = diagonal;
  return result;
}

Vector6 descent(const Matrix6& inverse_hessian, const Vector6& gradient, double longest) {
  Vector6 step{};
  for (std::size_t n = 0; n < 6; ++n) step[n] = -dot(inverse_hessian[n], gradient);
  const double length = norm(step);
  return length > longest ? scaled(step, longest / length) : step;
}

/// Nocedal and Wright, equation 6.17.
void update(Matrix6& inverse_hessian, const Vector6& step, const Vector6& change) {
  const double curvature = dot(step, change);
  if (curvature < 1e-12) return;
  Vector6 product{};
  for (std::size_t n = 0; n < 6; ++n) product[n] = dot(inverse_hessian[n], change);
  const double weight = 1 + dot(change, product) / curvature;
  for (std::size_t a = 0; a < 6; ++a)
    for (std::size_t b = 0; b < 6; ++b)
      inverse_hessian[a][b] +=
          (weight * step[a] * step[b] - product[a] * step[b] - step[a] * product[b]) / curvature;
}

/// Shortens `step` until the value falls as it should. False when the step gets shorter than `shortest`.
bool advance(const Objective6& objective, const Place& from, Vector6& step, double shortest, Place& to) {
  while (true) {
    for (std::size_t n = 0; n < 6; ++n) to.point[n] = from.point[n] + step[n];
    to.value = objective(to.point, to.gradient);
    if (to.value <= from.value + 1e-4 * dot(step, from.gradient)) return true;
    step = scaled(step, 0.4);
    if (norm(step) < shortest) return false;
  }
}

}  // namespace

Vector6 minimise(const Objective6& objective, const QuasiNewtonOptions& options) {
  Place here;
  here.value = objective(here.point, here.gradient);
  Matrix6 inverse_hessian = fresh_inverse_hessian(here.gradient, options.first_step);
  bool fresh = true;
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    Vector6 step = descent(inverse_hessian, here.gradient, options.longest_step);
    Place next;
    if (dot(step, here.gradient) < 0 && advance(objective, here, step, options.tolerance, next)) {
      Vector6 change{};
      for (std::size_t n = 0; n < 6; ++n) change[n] = next.gradient[n] - here.gradient[n];
      here = next;
      if (norm(step) < options.tolerance) break;
      update(inverse_hessian, step, change);
      fresh = false;
    } else if (!fresh) {
      inverse_hessian = fresh_inverse_hessian(here.gradient, options.first_step);
      fresh = true;
    } else {
      break;
    }
  }
  return here.point;
}

}  // namespace metserve::pipeline
