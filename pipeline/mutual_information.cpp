#include "pipeline/mutual_information.h"

#include <algorithm>
#include <cmath>

#include "pipeline/error.h"

namespace metserve::pipeline {

namespace {

constexpr std::size_t bin_count = 32;
constexpr std::size_t padding = 2;  ///< bins at either end that the cubic window reaches beyond the range

/// Value at a point between voxels, and its derivative by the continuous index.
struct Interpolated {
  float value;
  std::array<float, 3> slope;
};

float between(float low, float high, float weight) {
  return low + weight * (high - low);
}

bool is_inside(const std::array<std::size_t, 3>& size, const dicom::Vec3& ijk) {
  bool inside = true;
  for (std::size_t axis = 0; axis < 3; ++axis)
    inside = inside && ijk[axis] >= -0.5 && ijk[axis] <= static_cast<double>(size[axis]) - 0.5;
  return inside;
}

/// Trilinear; constant beyond the outermost voxel centres.
Interpolated interpolate(const dicom::Volume& volume, const dicom::Vec3& ijk) {
  const float* at = volume.voxels.data();
  std::array<std::size_t, 3> up{};  // to the upper neighbour; 0 at the end
  std::array<float, 3> weight{};    // of the upper neighbour
  std::array<float, 3> varies{};
  std::size_t step = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t last = volume.geometry.size[axis] - 1;
    const double index = std::clamp(ijk[axis], 0.0, static_cast<double>(last));
    const auto low = static_cast<std::size_t>(index);
    weight[axis] = static_cast<float>(index - static_cast<double>(low));
    varies[axis] = index == ijk[axis] ? 1.0F : 0.0F;
    up[axis] = low < last ? step : 0;
    at += low * step;
    step *= last + 1;
  }
  const auto [i, j, k] = up;
  const auto [wi, wj, wk] = weight;
  const float rise_00 = at[i] - at[0];
  const float rise_10 = at[j + i] - at[j];
  const float rise_01 = at[k + i] - at[k];
  const float rise_11 = at[k + j + i] - at[k + j];
  const float edge_00 = at[0] + wi * rise_00;
  const float edge_10 = at[j] + wi * rise_10;
  const float edge_01 = at[k] + wi * rise_01;
  const float edge_11 = at[k + j] + wi * rise_11;
  const float face_0 = between(edge_00, edge_10, wj);
  const float face_1 = between(edge_01, edge_11, wj);
  return {between(face_0, face_1, wk),
          {varies[0] * between(between(rise_00, rise_10, wj), between(rise_01, rise_11, wj), wk),
           varies[1] * between(edge_10 - edge_00, edge_11 - edge_01, wk), varies[2] * (face_1 - face_0)}};
}

/// Bins per unit of intensity.
float bins_per_unit(const IntensityRange& range) {
  return static_cast<float>(bin_count - 2 * padding) / (range.high - range.low);
}

/// Where an intensity lies in the histogram, in bins: `padding` to `bin_count - padding`.
float place(float intensity, const IntensityRange& range, float per_unit) {
  return (std::clamp(intensity, range.low, range.high) - range.low) * per_unit + static_cast<float>(padding);
}

std::size_t bin_at(float place) {
  return std::min(static_cast<std::size_t>(place), bin_count - padding - 1);
}

/// Cubic B-spline window over the bins from one below to two above that of an intensity.
std::array<float, 4> window(float fraction) {
  const float u = fraction;
  const float v = 1 - u;
  return {v * v * v / 6, (4 - 6 * u * u + 3 * u * u * u) / 6, (4 - 6 * v * v + 3 * v * v * v) / 6,
          u * u * u / 6};
}

std::array<float, 4> window_slope(float fraction) {
  const float u = fraction;
  const float v = 1 - u;
  return {-v * v / 2, u * (1.5F * u - 2), v * (2 - 1.5F * v), u * u / 2};
}

}  // namespace

IntensityRange intensity_range(const dicom::Volume& volume) {
  const std::size_t stride = std::max<std::size_t>(1, volume.voxels.size() / 300000);
  std::vector<float> some;
  some.reserve(volume.voxels.size() / stride + 1);
  for (std::size_t v = 0; v < volume.voxels.size(); v += stride) some.push_back(volume.voxels[v]);
  const auto percentile = [&some](double share) {
    const auto nth = some.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(some.size() - 1));
    std::nth_element(some.begin(), nth, some.end());
    return *nth;
  };
  if (some.empty()) throw Error(Error::Kind::bad_input, "a volume without voxels cannot be registered");
  const IntensityRange range{percentile(0.001), percentile(0.995)};
  if (range.low < range.high) return range;
  throw Error(Error::Kind::bad_input, "a volume without contrast cannot be registered");
}

FixedSamples::FixedSamples(const dicom::Volume& fixed, const IntensityRange& range,
                           const std::vector<dicom::Vec3>& points) {
  for (const dicom::Vec3& point : points) {
    const dicom::Vec3 ijk = fixed.geometry.index(point);
    if (!is_inside(fixed.geometry.size, ijk)) continue;
    points_lps_mm.push_back(point);
    bins.push_back(
        static_cast<std::uint8_t>(bin_at(place(interpolate(fixed, ijk).value, range, bins_per_unit(range)))));
  }
}

MutualInformation::MutualInformation(const FixedSamples& fixed, const dicom::Volume& moving,
                                     const IntensityRange& range)
    : fixed_(fixed), moving_(moving), range_(range), joint_(bin_count * bin_count) {
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (std::size_t c = 0; c < 3; ++c)
      lps_to_index_[axis][c] = moving.geometry.axes_lps[axis][c] / moving.geometry.spacing_mm[axis];
  landed_.reserve(fixed.bins.size());
}

double MutualInformation::at(const RigidTransform& fixed_to_moving, TransformGradient* by_transform) {
  land(fixed_to_moving);
  if (by_transform) *by_transform = {};
  if (landed_.empty()) return 0;
  const double nats = information();
  if (by_transform) *by_transform = gradient();
  return nats;
}

/// Fills `landed_` and counts `joint_`.
void MutualInformation::land(const RigidTransform& fixed_to_moving) {
  std::array<dicom::Vec3, 3> linear{};  // from fixed LPS mm to the continuous index of the moving image
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t d = 0; d < 3; ++d)
        linear[axis][c] += lps_to_index_[axis][d] * fixed_to_moving.rotation[3 * d + c];
  const dicom::Vec3 origin = moving_.geometry.index(fixed_to_moving.translation_mm);
  const float per_unit = bins_per_unit(range_);
  landed_.clear();
  std::fill(joint_.begin(), joint_.end(), 0.0);
  for (std::size_t n = 0; n < fixed_.bins.size(); ++n) {
    const dicom::Vec3& point = fixed_.points_lps_mm[n];
    dicom::Vec3 ijk = origin;
    for (std::size_t axis = 0; axis < 3; ++axis)
      ijk[axis] += linear[axis][0] * point[0] + linear[axis][1] * point[1] + linear[axis][2] * point[2];
    if (!is_inside(moving_.geometry.size, ijk)) continue;
    Interpolated there = interpolate(moving_, ijk);
    const bool clamped = there.value < range_.low || there.value > range_.high;
    for (float& slope : there.slope) slope = clamped ? 0 : slope * per_unit;
    const float at = place(there.value, range_, per_unit);
    const std::size_t bin = bin_at(at);
    const float fraction = at - static_cast<float>(bin);
    const std::size_t lowest = fixed_.bins[n] * bin_count + bin - 1;
    const std::array<float, 4> weights = window(fraction);
    for (std::size_t b = 0; b < 4; ++b) joint_[lowest + b] += static_cast<double>(weights[b]);
    landed_.push_back(
        {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(lowest), fraction, there.slope});
  }
}

/// Of the counts in `joint_`, which become logarithms.
double MutualInformation::information() {
  const auto count = static_cast<double>(landed_.size());
  std::array<double, bin_count> of_fixed{}, of_moving{};
  for (std::size_t f = 0; f < bin_count; ++f)
    for (std::size_t m = 0; m < bin_count; ++m) {
      of_fixed[f] += joint_[f * bin_count + m];
      of_moving[m] += joint_[f * bin_count + m];
    }
  double nats = 0;
  for (std::size_t f = 0; f < bin_count; ++f)
    for (std::size_t m = 0; m < bin_count; ++m) {
      double& both = joint_[f * bin_count + m];
      if (both <= 0) continue;
      const double given_moving = std::log(both / of_moving[m]);
      nats += both / count * (given_moving - std::log(of_fixed[f] / count));
      both = given_moving;
    }
  return nats;
}

/// The paper's sum over bins is drawn into the sum over points: each moves its own four bins alone. Collected
/// by index first, turned to LPS in the end.
TransformGradient MutualInformation::gradient() const {
  dicom::Vec3 force{};                  // by the continuous index
  std::array<dicom::Vec3, 3> moment{};  // [index axis, fixed LPS axis]
  for (const Landed& landed : landed_) {
    const std::array<float, 4> slopes = window_slope(landed.fraction);
    double pull = 0;
    for (std::size_t b = 0; b < 4; ++b) pull += static_cast<double>(slopes[b]) * joint_[landed.bin + b];
    const dicom::Vec3& point = fixed_.points_lps_mm[landed.point];
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double along = pull * static_cast<double>(landed.slope[axis]);
      force[axis] += along;
      for (std::size_t c = 0; c < 3; ++c) moment[axis][c] += along * point[c];
    }
  }
  TransformGradient result;
  const auto count = static_cast<double>(landed_.size());
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double share = lps_to_index_[axis][c] / count;
      result.translation_mm[c] += share * force[axis];
      for (std::size_t d = 0; d < 3; ++d) result.rotation[3 * c + d] += share * moment[axis][d];
    }
  return result;
}

}  // namespace metserve::pipeline
