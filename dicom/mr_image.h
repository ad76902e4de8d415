#pragma once

#include <optional>
#include <string>

// DCMTK's own configuration first: the other headers depend on it.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcitem.h>

#include "dicom/study.h"

namespace metserve::dicom {

/// Sets a type 3 attribute; left out where there is nothing to say. Throws Error(bad_input).
void put_if(DcmItem& item, const DcmTagKey& tag, const std::string& value);

/// TM of a second of the day, microseconds kept (PS3.5 section 6.2).
std::string time_text(double seconds);

/// A DS value: at most 16 characters (PS3.5 section 6.2), as exact as they allow.
std::string exact_decimal(double value);

/// MR Image module without the pixels (PS3.3 C.8.3.1), from what is known of the acquisition. Text as it is.
void put_mr_physics(DcmItem& item, const SeriesHeader& header);

/// Image Plane module (PS3.3 C.7.6.2) of one slice; without a thickness slices are as thick as their
/// distance.
void put_mr_plane(DcmItem& item, const VolumeGeometry& geometry, std::optional<double> thickness_mm,
                  std::size_t slice);

/// Image Pixel module (PS3.3 C.7.6.3) of one slice: 16 bits unsigned, voxels rounded. Throws Error(bad_input)
/// for voxels outside 0..65535.
void put_mr_pixels(DcmItem& item, const Volume& volume, std::size_t slice);

}  // namespace metserve::dicom
