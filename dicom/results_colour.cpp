#include "dicom/results_colour.h"

#include <algorithm>
#include <cmath>

namespace metserve::dicom {
namespace {

/// Hue 0..1 at full saturation and value.
std::array<double, 3> rgb_of_hue(double hue) {
  std::array<double, 3> rgb{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double phase = std::fmod(hue * 6 + std::array<double, 3>{0, 4, 2}[c], 6);
    rgb[c] = std::clamp(std::abs(phase - 3) - 1, 0.0, 1.0);
  }
  return rgb;
}

/// sRGB (IEC 61966-2-1) to CIELab relative to D50, the matrix Bradford-adapted.
std::array<double, 3> cielab_of(const std::array<double, 3>& rgb) {
  constexpr double to_xyz[3][3] = {{0.4360747, 0.3850649, 0.1430804},
                                   {0.2225045, 0.7168786, 0.0606169},
                                   {0.0139322, 0.0971045, 0.7141733}};
  constexpr double white[3] = {0.96422, 1.0, 0.82521};
  std::array<double, 3> f{};
  for (std::size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const double linear = rgb[c] <= 0.04045 ? rgb[c] / 12.92 : std::pow((rgb[c] + 0.055) / 1.055, 2.4);
      sum += to_xyz[row][c] * linear;
    }
    const double relative = sum / white[row];
    f[row] = relative > 216.0 / 24389 ? std::cbrt(relative) : (24389.0 / 27 * relative + 16) / 116;
  }
  return {116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])};
}

std::uint16_t scaled(double value, double low, double range) {
  return static_cast<std::uint16_t>(std::lround(std::clamp((value - low) / range, 0.0, 1.0) * 65535));
}

}  // namespace

DisplayColour lesion_colour(int number) {
  constexpr double golden_ratio_conjugate = 0.6180339887498949;
  const auto rgb = rgb_of_hue(std::fmod((number - 1) * golden_ratio_conjugate, 1.0));
  const auto lab = cielab_of(rgb);
  DisplayColour colour;
  for (std::size_t c = 0; c < 3; ++c) colour.rgb[c] = static_cast<std::uint8_t>(std::lround(rgb[c] * 255));
  colour.cielab = {scaled(lab[0], 0, 100), scaled(lab[1], -128, 255), scaled(lab[2], -128, 255)};
  return colour;
}

}  // namespace metserve::dicom
