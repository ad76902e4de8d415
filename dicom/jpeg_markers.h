#pragma once

#include <cstdint>
#include <span>

namespace metserve::dicom {

/// Whether DCMTK 3.6.7 would look for the frame header of this JPEG stream for ever: it goes from marker to
/// marker (ITU-T T.81 annex B) and never past TEM (FF01), which no DICOM image holds.
bool endless_for_dcmtk(std::span<const std::uint8_t> stream);

}  // namespace metserve::dicom
