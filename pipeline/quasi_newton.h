#pragma once

#include <array>
#include <functional>

namespace metserve::pipeline {

using Vector6 = std::array<double, 6>;

/// Value at a point; fills the gradient there.
using Objective6 = std::function<double(const Vector6& point, Vector6& gradient)>;

struct QuasiNewtonOptions {
  double first_step = 1;    ///< length of the first step, > 0
  double longest_step = 4;  ///< > 0
  double tolerance = 0.01;  ///< a step shorter than this ends the search, > 0
  int iterations = 40;      ///< at most, >= 1
};

/// Local minimum of a smooth function of six comparable parameters, from the origin: BFGS on the inverse
/// Hessian with a backtracking search (Nocedal and Wright, Numerical Optimization, chapters 3 and 6). When
/// the model of the curvature fails it falls back to steepest descent once.
Vector6 minimise(const Objective6& objective, const QuasiNewtonOptions& options);

}  // namespace metserve::pipeline
