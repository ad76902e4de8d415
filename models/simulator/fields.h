#pragma once

#include <array>
#include <vector>

#include <torch/types.h>

#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// Voxels per axis: slice, row, column.
using Shape = std::array<std::int64_t, 3>;

/// A smooth random field: standard normal coefficients of cubic B-splines with `knot_voxels` between the
/// knots, scaled to unit variance in the mean. [D, H, W] float32 on `device`.
torch::Tensor smooth_field(const Shape& shape, double knot_voxels, Random& random, torch::Device device);

/// The Gaussian of the standard deviation given, whose centre is moved by `shift` (both voxels), as an odd
/// number of filter taps that sum to one.
std::vector<double> gaussian_taps(double sigma, double shift);

/// A low-pass filter that cuts at `cutoff` (0..1 of the Nyquist frequency), so that edges ring as they do
/// where k-space ends; taps as in gaussian_taps.
std::vector<double> truncation_taps(double cutoff, double shift);

/// Linear interpolation `shift` voxels away (-1..1), as three taps.
std::vector<double> linear_taps(double shift);

/// `volume` [D, H, W] filtered along `axis`; outside the volume its border is repeated.
torch::Tensor filter_axis(const torch::Tensor& volume, const std::vector<double>& taps, int axis);

/// `mask` [D, H, W] bool grown by its face neighbours, `times` times.
torch::Tensor dilate(torch::Tensor mask, int times = 1);

}  // namespace metserve::models::simulator
