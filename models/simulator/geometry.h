#pragma once

#include <optional>

#include <torch/types.h>

#include "models/simulator.h"
#include "models/simulator/fields.h"
#include "models/simulator/pose.h"
#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// The grid of a series. `spacing_mm`: slice, row, column.
struct SeriesGrid {
  Shape shape{};
  std::array<double, 3> spacing_mm{1, 1, 1};
  torch::Tensor index_to_lps_mm;
};

/// The canvas of a study, and the part of it (first voxel and voxels per axis) that the reference series
/// shows.
struct Layout {
  Canvas canvas;
  std::array<std::int64_t, 3> first{}, size{};
  bool sagittal_reference = false;
};

/// A sagittal series of 256 x 256 pixels.
struct SagittalSeries {
  std::int64_t slices;  ///< even
  double slice_mm, pixel_mm;
};

/// Oslo's 192 slices of 0.9 mm, else 176 to 196 of 1 mm and 250 mm in plane.
SagittalSeries draw_sagittal_series(Hospital hospital, Random& random);

/// 256 x 256 x 160 axial, from the vertex down; nothing else is on the canvas.
Layout network_layout(const BrainBox& brain, Random& random);

/// A canvas that holds the whole head, so that the other series can be cut from it; the reference is
/// `sagittal`, or axial without one.
Layout native_layout(const BrainBox& brain, const std::optional<SagittalSeries>& sagittal, Random& random);

/// The reference series' own grid and its voxels, cut from the canvas (and turned, where sagittal).
SeriesGrid reference_grid(const Layout& layout);
torch::Tensor reference_view(const torch::Tensor& on_canvas, const Layout& layout);

/// The series' grid about the brain, slices from left to right.
SeriesGrid sagittal_grid(const Canvas& canvas, const SagittalSeries& series, Random& random);

/// A rotation about the middle of the brain and a translation, each up to the limits per axis:
/// [4, 4] float64, from the reference frame's LPS mm to the series' LPS mm.
torch::Tensor draw_motion(const Canvas& canvas, double limit_deg, double limit_mm, Random& random);

/// `on_canvas` [D, H, W] as the series' grid sees it after the patient moved; linear interpolation, air
/// outside.
torch::Tensor resample(const torch::Tensor& on_canvas, const Canvas& canvas, const SeriesGrid& series,
                       const torch::Tensor& motion);

}  // namespace metserve::models::simulator
