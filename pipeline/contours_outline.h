#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace metserve::pipeline {

/// A closed polygon in a slice: continuous column and row indices; the last point is joined to the first.
using Outline = std::vector<std::array<double, 2>>;

/// Readers of RT Structure Sets fail on more: Contour Data beyond 65,534 bytes has no VR DS any more.
inline constexpr std::size_t max_contour_points = 1000;

/// The same polygon without points on straight lines, and with at most `max_contour_points`. While the points
/// that go lie within a third of a voxel of what stays, no voxel centre changes sides: the outlines of a mask
/// pass every centre at 0.35 voxels or more.
Outline reduced(const Outline& outline);

}  // namespace metserve::pipeline
