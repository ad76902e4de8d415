#include "pipeline/contours_outline.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace metserve::pipeline {
namespace {

using Point = Outline::value_type;

double cross(const Point& a, const Point& b, const Point& c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

double distance(const Point& a, const Point& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1]);
}

double distance_to_segment(const Point& p, const Point& a, const Point& b) {
  const double length = distance(a, b);
  if (length == 0) return distance(p, a);
  const double along = ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])) / (length * length);
  if (along <= 0) return distance(p, a);
  if (along >= 1) return distance(p, b);
  return std::abs(cross(a, b, p)) / length;
}

Outline without_collinear(const Outline& outline) {
  Outline corners;
  const std::size_t n = outline.size();
  for (std::size_t p = 0; p < n; ++p)
    if (cross(outline[(p + n - 1) % n], outline[p], outline[(p + 1) % n]) != 0) corners.push_back(outline[p]);
  return corners;
}

/// Douglas and Peucker 1973, on a ring cut open at its first point and the one farthest from it.
Outline simplified(const Outline& ring, double tolerance) {
  Outline open = ring;
  open.push_back(ring.front());
  std::vector<bool> keep(open.size(), false);
  const auto farthest = std::max_element(ring.begin(), ring.end(), [&](const Point& a, const Point& b) {
    return distance(a, ring.front()) < distance(b, ring.front());
  });
  const auto middle = static_cast<std::size_t>(farthest - ring.begin());
  keep[0] = keep[middle] = true;
  std::vector<std::pair<std::size_t, std::size_t>> pieces{{0, middle}, {middle, open.size() - 1}};
  while (!pieces.empty()) {
    const auto [first, last] = pieces.back();
    pieces.pop_back();
    std::size_t worst = first;
    double worst_distance = tolerance;
    for (std::size_t p = first + 1; p < last; ++p) {
      const double d = distance_to_segment(open[p], open[first], open[last]);
      if (d > worst_distance) worst = p, worst_distance = d;
    }
    if (worst == first) continue;
    keep[worst] = true;
    pieces.emplace_back(first, worst);
    pieces.emplace_back(worst, last);
  }
  Outline kept;
  for (std::size_t p = 0; p < ring.size(); ++p)
    if (keep[p]) kept.push_back(ring[p]);
  return kept;
}

}  // namespace

Outline reduced(const Outline& outline) {
  const Outline corners = without_collinear(outline);
  Outline result = corners;
  for (double tolerance = 0.0405; result.size() > max_contour_points; tolerance *= 2)
    result = simplified(corners, tolerance);
  return result;
}

}  // namespace metserve::pipeline
