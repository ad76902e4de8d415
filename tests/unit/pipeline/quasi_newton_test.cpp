#include "pipeline/quasi_newton.h"

#include <cmath>

#include "tests/catch.h"

using namespace metserve::pipeline;

TEST_CASE("A skewed bowl is brought to its bottom in few evaluations", "[registration]") {
  const Vector6 bottom{3, -2, 1, 8, -5, 0.5};
  int evaluations = 0;
  const auto bowl = [&](const Vector6& at, Vector6& gradient) {
    ++evaluations;
    double value = 0;
    for (std::size_t n = 0; n < 6; ++n) {
      const double steep = std::pow(3.0, static_cast<double>(n) - 2);
      value += steep * std::pow(at[n] - bottom[n], 2);
      gradient[n] = 2 * steep * (at[n] - bottom[n]);
    }
    return value;
  };
  const Vector6 found = minimise(bowl, {1, 4, 0.001, 60});
  for (std::size_t n = 0; n < 6; ++n) CHECK(found[n] == Approx(bottom[n]).margin(0.01));
  CHECK(evaluations < 60);
}

TEST_CASE("A function that falls nowhere leaves the search at its start", "[registration]") {
  const auto wrong = [](const Vector6& at, Vector6& gradient) {
    gradient = {1, 1, 1, 1, 1, 1};  // points uphill only on paper
    double value = 0;
    for (const double x : at) value += std::abs(x);
    return value;
  };
  CHECK(minimise(wrong, {1, 4, 0.01, 40}) == Vector6{});
}
