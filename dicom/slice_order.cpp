#include "dicom/slice_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace metserve::dicom {
namespace {

constexpr double orientation_tolerance = 1e-3;      // of a direction cosine
constexpr double relative_gap_tolerance = 0.02;     // of the median distance between slices
constexpr double absolute_gap_tolerance_mm = 0.05;  // rounding of DS values
constexpr double relative_drift_tolerance = 0.2;    // of the distance between slices, from the even grid
constexpr double askew_tolerance_mm = 0.1;          // of a slice's corner from the line along the normal
constexpr double askew_tolerance_per_mm = 1e-3;     // and what rounded direction cosines add along the way

/// Normalised in-plane directions and their normal.
struct Orientation {
  Vec3 row, column, normal;
};

double dot(const Vec3& a, const Vec3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Vec3 unit(const Vec3& v) {
  const double length = std::sqrt(dot(v, v));
  return {v[0] / length, v[1] / length, v[2] / length};
}

std::optional<Orientation> parse_orientation(const std::string& text) {
  const auto v = parse_numbers(text);
  if (v.size() != 6) return std::nullopt;
  const Vec3 row{v[0], v[1], v[2]}, column{v[3], v[4], v[5]};
  const double tolerance = 10 * orientation_tolerance;
  if (std::abs(dot(row, row) - 1) > tolerance || std::abs(dot(column, column) - 1) > tolerance ||
      std::abs(dot(row, column)) > tolerance)
    return std::nullopt;
  const Vec3 normal = unit(cross(row, column));
  return Orientation{unit(row), cross(normal, unit(row)), normal};
}

bool same_orientation(const Orientation& a, const Orientation& b) {
  for (std::size_t c = 0; c < 3; ++c)
    if (std::abs(a.row[c] - b.row[c]) > orientation_tolerance ||
        std::abs(a.column[c] - b.column[c]) > orientation_tolerance)
      return false;
  return true;
}

std::string millimetres(double value) {
  std::string text = std::to_string(std::round(value * 1000) / 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + " mm";
}

/// What all frames must have in common.
std::string in_plane_problem(const std::vector<Frame>& frames, const Orientation& orientation,
                             const std::vector<double>& spacing) {
  for (const Frame& frame : frames) {
    if (frame.frame_of_reference_uid != frames[0].frame_of_reference_uid)  // PS3.3 C.7.4.1.1.1
      return "mixed frames of reference: " + frame.label + " differs from " + frames[0].label;
    const auto own = parse_orientation(frame.orientation);
    if (!own) return frame.label + " has no valid image orientation";
    if (!same_orientation(*own, orientation))
      return "mixed orientations: " + frame.label + " is turned against " + frames[0].label;
    if (frame.rows != frames[0].rows || frame.columns != frames[0].columns)
      return "mixed matrices: " + frame.label + " differs from " + frames[0].label;
    const auto own_spacing = parse_numbers(frame.pixel_spacing);
    if (own_spacing.size() != 2 || own_spacing[0] <= 0 || own_spacing[1] <= 0)
      return frame.label + " has no valid pixel spacing";
    if (std::abs(own_spacing[0] - spacing[0]) > 1e-3 || std::abs(own_spacing[1] - spacing[1]) > 1e-3)
      return "mixed pixel spacings: " + frame.label + " differs from " + frames[0].label;
    if (parse_numbers(frame.position).size() != 3) return frame.label + " has no image position";
  }
  return {};
}

struct Place {
  std::size_t frame;
  Vec3 position;
  double along_normal;
};

std::vector<Place> places_along(const std::vector<Frame>& frames, const Vec3& normal) {
  std::vector<Place> places;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto v = parse_numbers(frames[i].position);
    const Vec3 position{v[0], v[1], v[2]};
    places.push_back({i, position, dot(position, normal)});
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.along_normal < b.along_normal; });
  return places;
}

/// The lower of two middle values: with a slice missing, the longer one is the wrong one.
double median_gap(const std::vector<Place>& places) {
  std::vector<double> gaps;
  for (std::size_t k = 1; k < places.size(); ++k)
    gaps.push_back(places[k].along_normal - places[k - 1].along_normal);
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>((gaps.size() - 1) / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

/// Two frames at one place come first: they make every other figure meaningless.
std::string duplicate_problem(const std::vector<Frame>& frames, const std::vector<Place>& places) {
  for (std::size_t k = 1; k < places.size(); ++k)
    if (places[k].along_normal - places[k - 1].along_normal < 1e-2)
      return "two images at one position: " + frames[places[k - 1].frame].label + " and " +
             frames[places[k].frame].label;
  return {};
}

std::string gap_problem(const std::vector<Frame>& frames, const std::vector<Place>& places) {
  const double usual = median_gap(places);
  const double tolerance = std::max(relative_gap_tolerance * usual, absolute_gap_tolerance_mm);
  for (std::size_t k = 1; k < places.size(); ++k) {
    const double gap = places[k].along_normal - places[k - 1].along_normal;
    if (std::abs(gap - usual) <= tolerance) continue;
    const double steps = std::round(gap / usual);
    const std::string where = " between " + frames[places[k - 1].frame].label + " and " +
                              frames[places[k].frame].label + ": " + millimetres(gap) + " where " +
                              millimetres(usual) + " is usual";
    if (steps >= 2 && std::abs(gap - steps * usual) <= steps * tolerance)
      return std::to_string(static_cast<long>(std::min(steps, 1e6)) - 1) + " slice(s) missing" + where;
    return "uneven spacing" + where;
  }
  return {};
}

std::string askew_problem(const std::vector<Frame>& frames, const std::vector<Place>& places,
                          const Vec3& normal) {
  for (const Place& place : places) {
    const double distance = place.along_normal - places[0].along_normal;
    Vec3 off{};
    for (std::size_t c = 0; c < 3; ++c)
      off[c] = place.position[c] - places[0].position[c] - distance * normal[c];
    if (std::sqrt(dot(off, off)) > askew_tolerance_mm + askew_tolerance_per_mm * distance)
      return "positions do not run along the normal of the slices: " + frames[place.frame].label + " is " +
             millimetres(std::sqrt(dot(off, off))) + " off";
  }
  return {};
}

/// Slices at even distances along the normal, in mm.
struct EvenGrid {
  double first = 0, spacing = 0;

  double distance_of(const Place& place, std::size_t slice) const {
    return place.along_normal - first - static_cast<double>(slice) * spacing;
  }
};

/// As long as the stack, and moved so that the largest distance of a slice from its place is the smallest. Of
/// a single slice its own spacing or thickness.
EvenGrid even_grid(const std::vector<Frame>& frames, const std::vector<Place>& places) {
  EvenGrid grid{places[0].along_normal, 0};
  if (places.size() == 1) {
    const double between = frames[0].spacing_between_slices_mm.value_or(0);
    grid.spacing = between > 0 ? between : parse_number(frames[0].thickness).value_or(0);
    return grid;
  }
  grid.spacing = (places.back().along_normal - grid.first) / static_cast<double>(places.size() - 1);
  double least = 0, most = 0;
  for (std::size_t k = 0; k < places.size(); ++k) {
    least = std::min(least, grid.distance_of(places[k], k));
    most = std::max(most, grid.distance_of(places[k], k));
  }
  grid.first += (least + most) / 2;
  return grid;
}

/// Gaps that each pass can still add up.
std::string drift_problem(const std::vector<Frame>& frames, const std::vector<Place>& places,
                          const EvenGrid& grid) {
  for (std::size_t k = 0; k < places.size(); ++k)
    if (const double distance = std::abs(grid.distance_of(places[k], k));
        distance > relative_drift_tolerance * grid.spacing)
      return "uneven spacing: " + frames[places[k].frame].label + " is " + millimetres(distance) +
             " away from even slices of " + millimetres(grid.spacing);
  return {};
}

}  // namespace

std::variant<SliceStack, std::string> stack_slices(const std::vector<Frame>& frames) {
  if (frames.empty()) return "no images";
  const auto orientation = parse_orientation(frames[0].orientation);
  if (!orientation) return frames[0].label + " has no valid image orientation";
  const auto spacing = parse_numbers(frames[0].pixel_spacing);
  if (spacing.size() != 2) return frames[0].label + " has no valid pixel spacing";
  if (frames[0].rows == 0 || frames[0].columns == 0) return frames[0].label + " has no rows or columns";
  if (auto problem = in_plane_problem(frames, *orientation, spacing); !problem.empty()) return problem;

  const std::vector<Place> places = places_along(frames, orientation->normal);
  if (auto problem = duplicate_problem(frames, places); !problem.empty()) return problem;
  if (places.size() > 1) {
    if (auto problem = gap_problem(frames, places); !problem.empty()) return problem;
    if (auto problem = askew_problem(frames, places, orientation->normal); !problem.empty()) return problem;
  }
  const EvenGrid grid = even_grid(frames, places);
  if (grid.spacing <= 0) return frames[0].label + " is a single slice without thickness";
  if (auto problem = drift_problem(frames, places, grid); !problem.empty()) return problem;

  SliceStack stack;
  stack.geometry.size = {frames[0].columns, frames[0].rows, frames.size()};
  // Pixel Spacing names the distance between rows first (PS3.3 10.7.1.3).
  stack.geometry.spacing_mm = {spacing[1], spacing[0], grid.spacing};
  const double moved = grid.first - places[0].along_normal;
  for (std::size_t c = 0; c < 3; ++c)
    stack.geometry.origin_lps_mm[c] = places[0].position[c] + moved * orientation->normal[c];
  stack.geometry.axes_lps = {orientation->row, orientation->column, orientation->normal};
  for (const Place& place : places) stack.order.push_back(place.frame);
  return stack;
}

std::string plane_of(const std::string& image_orientation) {
  const auto orientation = parse_orientation(image_orientation);
  if (!orientation) return {};
  constexpr double limit = 0.766;  // cosine of 40 degrees
  if (std::abs(orientation->normal[2]) >= limit) return "AX";
  if (std::abs(orientation->normal[0]) >= limit) return "SAG";
  if (std::abs(orientation->normal[1]) >= limit) return "COR";
  return "OBL";
}

}  // namespace metserve::dicom
