#pragma once

#include <filesystem>
#include <optional>

#include "dicom/native_pixels.h"
#include "dicom/part10.h"

namespace metserve::dicom {

/// What the header of a classic MR image says of its place, part and pixels.
struct ClassicImage {
  ScannedValues values;  ///< text as FrameAttributes gives it, numbers of VR US in decimal
  NativePixels pixels;
};

/// Reads the start of a file, up to its pixel data, which takes a twentieth of the time of parsing it. Only
/// for what most series are: MR Image Storage, uncompressed little endian, one frame, nothing behind the
/// pixel data. Nothing for any other file, or one with something wrong: DCMTK's parser has to look at that.
/// Throws Error(io) when the file cannot be opened.
std::optional<ClassicImage> read_classic(const std::filesystem::path& path);

}  // namespace metserve::dicom
