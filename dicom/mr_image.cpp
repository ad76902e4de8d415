#include "dicom/mr_image.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <vector>

#include <dcmtk/dcmdata/dcdeftag.h>

#include "dicom/error.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

std::string decimals(std::initializer_list<double> values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : "\\") + exact_decimal(value);
  return text;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "\\") + part;
  return text;
}

std::vector<Uint16> stored_values(const Volume& volume, std::size_t slice) {
  const std::size_t count = volume.geometry.size[0] * volume.geometry.size[1];
  std::vector<Uint16> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float value = std::round(volume.voxels[slice * count + i]);
    if (!(value >= 0 && value <= 65535))
      throw Error(Error::Kind::bad_input, "a voxel of " + std::to_string(volume.voxels[slice * count + i]) +
                                              " does not fit 16 bits unsigned; scale the volume first");
    values[i] = static_cast<Uint16>(value);
  }
  return values;
}

}  // namespace

void put_if(DcmItem& item, const DcmTagKey& tag, const std::string& value) {
  if (!value.empty()) put(item, tag, value);
}

std::string time_text(double seconds) {
  const double day = std::fmod(std::max(seconds, 0.0), 86400.0);
  const auto whole = static_cast<long>(day);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%02ld%02ld%02ld.%06ld", whole / 3600, whole / 60 % 60, whole % 60,
                static_cast<long>((day - static_cast<double>(whole)) * 1e6));
  return text.data();
}

std::string exact_decimal(double value) {
  std::array<char, 40> text{};
  for (int digits = 15; digits > 0; --digits)
    if (std::snprintf(text.data(), text.size(), "%.*g", digits, value) <= 16) break;
  return text.data();
}

void put_mr_physics(DcmItem& item, const SeriesHeader& header) {
  const auto put_number = [&](const DcmTagKey& tag, std::optional<double> value) {
    if (value) put(item, tag, exact_decimal(*value));
  };
  put(item, DCM_ImageType,
      header.image_type.empty() ? "ORIGINAL\\PRIMARY\\OTHER" : joined(header.image_type));
  put(item, DCM_ScanningSequence, header.scanning_sequence.empty() ? "RM" : joined(header.scanning_sequence));
  put(item, DCM_SequenceVariant, header.sequence_variant.empty() ? "NONE" : joined(header.sequence_variant));
  put(item, DCM_ScanOptions, joined(header.scan_options));
  put(item, DCM_MRAcquisitionType, header.acquisition_type);
  put_if(item, DCM_SequenceName, header.sequence_name);
  put(item, DCM_RepetitionTime, header.tr_ms ? exact_decimal(*header.tr_ms) : "");
  put(item, DCM_EchoTime, header.te_ms ? exact_decimal(*header.te_ms) : "");
  put_number(DCM_InversionTime, header.ti_ms);
  put(item, DCM_EchoTrainLength, header.echo_train_length ? std::to_string(*header.echo_train_length) : "");
  put_number(DCM_FlipAngle, header.flip_deg);
  put_number(DCM_MagneticFieldStrength, header.field_strength_t);
  put_if(item, DCM_ContrastBolusAgent, header.contrast_agent);
  put_if(item, DCM_ContrastBolusRoute, header.contrast_route);
  put_if(item, DCM_ContrastBolusVolume, header.contrast_volume);
  if (header.contrast_start_time_s)
    put(item, DCM_ContrastBolusStartTime, time_text(*header.contrast_start_time_s));
}

void put_mr_plane(DcmItem& item, const VolumeGeometry& geometry, std::optional<double> thickness_mm,
                  std::size_t slice) {
  const Vec3& row = geometry.axes_lps[0];
  const Vec3& column = geometry.axes_lps[1];
  const Vec3 position = geometry.lps_mm({0, 0, static_cast<double>(slice)});
  put(item, DCM_ImageOrientationPatient, decimals({row[0], row[1], row[2], column[0], column[1], column[2]}));
  put(item, DCM_ImagePositionPatient, decimals({position[0], position[1], position[2]}));
  put(item, DCM_PixelSpacing, decimals({geometry.spacing_mm[1], geometry.spacing_mm[0]}));
  put(item, DCM_SliceThickness, exact_decimal(thickness_mm.value_or(geometry.spacing_mm[2])));
  put(item, DCM_SpacingBetweenSlices, exact_decimal(geometry.spacing_mm[2]));
  put(item, DCM_PatientPosition, "HFS");
}

void put_mr_pixels(DcmItem& item, const Volume& volume, std::size_t slice) {
  const auto put_short = [&](const DcmTagKey& tag, std::size_t value) {
    require(item.putAndInsertUint16(tag, static_cast<Uint16>(value)), DcmTag(tag).getTagName());
  };
  put(item, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_short(DCM_SamplesPerPixel, 1);
  put_short(DCM_Rows, volume.geometry.size[1]);
  put_short(DCM_Columns, volume.geometry.size[0]);
  put_short(DCM_BitsAllocated, 16);
  put_short(DCM_BitsStored, 16);
  put_short(DCM_HighBit, 15);
  put_short(DCM_PixelRepresentation, 0);
  const auto pixels = stored_values(volume, slice);
  require(item.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size()), "pixel data");
}

}  // namespace metserve::dicom
