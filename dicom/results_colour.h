#pragma once

#include <array>
#include <cstdint>

namespace metserve::dicom {

/// A display colour: sRGB 0..255, and the same in CIELab as DICOM scales it (PS3.3 C.10.7.1.1: L* 0..100 and
/// a*, b* -128..127 to 0..65535, D50).
struct DisplayColour {
  std::array<std::uint8_t, 3> rgb{};
  std::array<std::uint16_t, 3> cielab{};
};

/// A bright colour of its own for each lesion: hues a golden angle apart, so that neighbours differ.
DisplayColour lesion_colour(int number);

}  // namespace metserve::dicom
