#include "models/simulator/vessels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "models/simulator/tissue.h"

namespace metserve::models::simulator {
namespace {

using Point = std::array<double, 3>;  ///< slice, row, column; voxels, or mm where the name says so
using Tissues = torch::TensorAccessor<std::uint8_t, 3>;
using Coverage = torch::TensorAccessor<float, 3>;

Point bent(const Point& direction, double bend, Random& random) {
  Point result;
  for (std::size_t axis = 0; axis < 3; ++axis) result[axis] = direction[axis] + bend * random.normal();
  const double length = std::hypot(result[0], result[1], result[2]) + 1e-9;
  for (double& part : result) part /= length;
  return result;
}

/// A pen that walks through the tissue and fills tubes.
class Pen {
 public:
  Pen(const torch::Tensor& tissue, const torch::Tensor& coverage, const Canvas& canvas)
      : tissue_(tissue.accessor<std::uint8_t, 3>()),
        coverage_(coverage.accessor<float, 3>()),
        canvas_(canvas) {}

  Tissue at(const Point& point) const {
    std::array<std::int64_t, 3> index;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      index[axis] = std::llround(point[axis]);
      if (index[axis] < 0 || index[axis] >= canvas_.shape[axis]) return Tissue::air;
    }
    return static_cast<Tissue>(tissue_[index[0]][index[1]][index[2]]);
  }

  Point step(const Point& point, const Point& direction, double step_mm) const {
    Point result;
    for (std::size_t axis = 0; axis < 3; ++axis)
      result[axis] = point[axis] + direction[axis] * step_mm / canvas_.spacing_mm[axis];
    return result;
  }

  bool near_brain(const Point& point, double within_mm) const {
    for (std::size_t axis = 0; axis < 3; ++axis)
      for (double sign : {-1.0, 1.0}) {
        Point direction{};
        direction[axis] = sign;
        if (is_brain(at(step(point, direction, within_mm)))) return true;
      }
    return false;
  }

  void dot(const Point& point, double radius_mm, double share) {
    std::array<std::int64_t, 3> low, high;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double reach = radius_mm / canvas_.spacing_mm[axis] + 0.6;
      low[axis] = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(point[axis] - reach)));
      high[axis] = std::min<std::int64_t>(canvas_.shape[axis] - 1,
                                          static_cast<std::int64_t>(std::floor(point[axis] + reach)));
    }
    for (std::int64_t s = low[0]; s <= high[0]; ++s)
      for (std::int64_t r = low[1]; r <= high[1]; ++r)
        for (std::int64_t c = low[2]; c <= high[2]; ++c) {
          const double away_mm = std::hypot((static_cast<double>(s) - point[0]) * canvas_.spacing_mm[0],
                                            (static_cast<double>(r) - point[1]) * canvas_.spacing_mm[1],
                                            (static_cast<double>(c) - point[2]) * canvas_.spacing_mm[2]);
          const double filled = share * std::clamp(0.5 + radius_mm - away_mm, 0.0, 1.0);
          coverage_[s][r][c] = std::max(coverage_[s][r][c], static_cast<float>(filled));
        }
  }

  template <typename Accept>
  std::optional<Point> find(Random& random, Accept accept) const {
    constexpr int trials = 20000;
    for (int trial = 0; trial < trials; ++trial) {
      Point point;
      for (std::size_t axis = 0; axis < 3; ++axis)
        point[axis] = static_cast<double>(random.integer(0, canvas_.shape[axis] - 1));
      if (accept(point)) return point;
    }
    return std::nullopt;
  }

 private:
  Tissues tissue_;
  Coverage coverage_;
  const Canvas& canvas_;
};

constexpr double step_mm = 0.6, shortest_mm = 8;

struct Dot {
  Point at;
  double radius_mm = 0;
};

/// Whether a walk comes as far from its start as a vessel does. One that is held in a pocket of fluid amid
/// brain, as perivascular spaces are, would be a ball.
bool is_long(const std::vector<Dot>& walk, const Canvas& canvas) {
  return std::any_of(walk.begin(), walk.end(), [&](const Dot& dot) {
    Point away_mm;
    for (std::size_t axis = 0; axis < 3; ++axis)
      away_mm[axis] = (dot.at[axis] - walk.front().at[axis]) * canvas.spacing_mm[axis];
    return std::hypot(away_mm[0], away_mm[1], away_mm[2]) >= shortest_mm;
  });
}

bool is_sulcus(const Pen& pen, const Point& point) {
  const Tissue here = pen.at(point);
  return (here == Tissue::csf || here == Tissue::dura) && pen.near_brain(point, 3);
}

void draw_cortical_vessel(Pen& pen, const Canvas& canvas, Random& random) {
  const auto start = pen.find(random, [&](const Point& point) { return is_sulcus(pen, point); });
  if (!start) return;
  Point point = *start, direction = random.direction();
  double radius_mm = random.log_uniform(0.4, 1.6);
  const auto steps = static_cast<int>(random.uniform(12, 70) / step_mm);
  std::vector<Dot> walk;
  for (int count = 0; count < steps; ++count) {
    walk.push_back({point, radius_mm});
    constexpr int tries = 8;
    Point next = direction;
    for (int attempt = 0; attempt < tries; ++attempt) {
      next = bent(direction, 0.15 + 0.12 * attempt, random);
      if (is_sulcus(pen, pen.step(point, next, 2 * step_mm))) break;
    }
    direction = next;
    point = pen.step(point, direction, step_mm);
    if (!is_sulcus(pen, point) && random.chance(0.3)) break;
    radius_mm = std::clamp(radius_mm * (1 + 0.04 * random.normal()), 0.3, 1.8);
  }
  if (!is_long(walk, canvas)) return;
  for (const Dot& dot : walk) pen.dot(dot.at, dot.radius_mm, 1.0);
}

void draw_medullary_vein(Pen& pen, Random& random) {
  const auto start =
      pen.find(random, [&](const Point& point) { return pen.at(point) == Tissue::white_matter; });
  if (!start) return;
  Point point = *start, direction = random.direction();
  const double radius_mm = random.uniform(0.2, 0.6), share = random.uniform(0.4, 1.0);
  const auto steps = static_cast<int>(random.uniform(5, 25) / step_mm);
  for (int count = 0; count < steps && pen.at(point) == Tissue::white_matter; ++count) {
    pen.dot(point, radius_mm, share);
    direction = bent(direction, 0.08, random);
    point = pen.step(point, direction, step_mm);
  }
}

}  // namespace

torch::Tensor draw_vessels(const torch::Tensor& tissue, const Canvas& canvas, Random& random) {
  torch::Tensor coverage = torch::zeros(tissue.sizes(), torch::kFloat32);
  Pen pen(tissue, coverage, canvas);
  const auto cortical = random.integer(90, 220), medullary = random.integer(20, 70);
  for (std::int64_t vessel = 0; vessel < cortical; ++vessel) draw_cortical_vessel(pen, canvas, random);
  for (std::int64_t vessel = 0; vessel < medullary; ++vessel) draw_medullary_vein(pen, random);
  return coverage;
}

}  // namespace metserve::models::simulator
