#include "dicom/mr_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

void check(const OFCondition& result, const std::string& what) {
  if (result.bad()) throw Error(Error::Kind::bad_input, what + ": " + result.text());
}

void put(DcmDataset& dataset, const DcmTagKey& tag, const std::string& value) {
  check(dataset.putAndInsertOFStringArray(tag, OFString(value.data(), value.size())),
        "attribute " + std::string(DcmTag(tag).getTagName()) + " = '" + value + "'");
}

/// Type 3 and private-use attributes: left out where there is nothing to say.
void put_if(DcmDataset& dataset, const DcmTagKey& tag, const std::string& value) {
  if (!value.empty()) put(dataset, tag, value);
}

/// A DS value: at most 16 characters (PS3.5 section 6.2), as exact as they allow.
std::string decimal(double value) {
  std::array<char, 40> text{};
  for (int digits = 15; digits > 0; --digits)
    if (std::snprintf(text.data(), text.size(), "%.*g", digits, value) <= 16) break;
  return text.data();
}

std::string decimals(std::initializer_list<double> values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : "\\") + decimal(value);
  return text;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "\\") + part;
  return text;
}

/// TM of a second of the day, microseconds kept (PS3.5 section 6.2).
std::string time_text(double seconds) {
  const double day = std::fmod(std::max(seconds, 0.0), 86400.0);
  const auto whole = static_cast<long>(day);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%02ld%02ld%02ld.%06ld", whole / 3600, whole / 60 % 60, whole % 60,
                static_cast<long>((day - static_cast<double>(whole)) * 1e6));
  return text.data();
}

void put_patient_and_study(DcmDataset& dataset, const StudyIdentity& identity) {
  put(dataset, DCM_SpecificCharacterSet, "ISO_IR 192");
  put(dataset, DCM_PatientName, identity.patient_name);
  put(dataset, DCM_PatientID, identity.patient_id);
  put(dataset, DCM_PatientBirthDate, identity.patient_birth_date);
  put(dataset, DCM_PatientSex, identity.patient_sex);
  put(dataset, DCM_StudyInstanceUID, identity.study_instance_uid);
  put(dataset, DCM_StudyDate, identity.study_date);
  put(dataset, DCM_StudyTime, identity.study_time);
  put_if(dataset, DCM_StudyDescription, identity.study_description);
  put(dataset, DCM_AccessionNumber, identity.accession_number);
  put(dataset, DCM_ReferringPhysicianName, "");
  put(dataset, DCM_StudyID, "");
  put(dataset, DCM_FrameOfReferenceUID, identity.frame_of_reference_uid);
  put(dataset, DCM_PositionReferenceIndicator, "");
}

void put_series(DcmDataset& dataset, const StudyIdentity& identity, const SeriesHeader& header) {
  put(dataset, DCM_Modality, "MR");
  put(dataset, DCM_SeriesInstanceUID, header.series_instance_uid);
  put(dataset, DCM_SeriesNumber, header.series_number ? std::to_string(*header.series_number) : "");
  put_if(dataset, DCM_SeriesDescription, header.series_description);
  put_if(dataset, DCM_ProtocolName, header.protocol_name);
  put_if(dataset, DCM_BodyPartExamined, header.body_part);
  if (header.body_part.empty()) put(dataset, DCM_Laterality, "");  // type 2C: the part might be a paired one
  put_if(dataset, DCM_StationName, header.station_name);
  put(dataset, DCM_Manufacturer, header.manufacturer);
  put_if(dataset, DCM_ManufacturerModelName, header.model_name);
  if (header.acquisition_time_s) {
    put_if(dataset, DCM_AcquisitionDate, identity.study_date);
    put(dataset, DCM_AcquisitionTime, time_text(*header.acquisition_time_s));
  }
}

/// MR Image module (PS3.3 C.8.3.1).
void put_physics(DcmDataset& dataset, const SeriesHeader& header) {
  const auto put_number = [&](const DcmTagKey& tag, std::optional<double> value) {
    if (value) put(dataset, tag, decimal(*value));
  };
  put(dataset, DCM_ImageType,
      header.image_type.empty() ? "ORIGINAL\\PRIMARY\\OTHER" : joined(header.image_type));
  put(dataset, DCM_ScanningSequence,
      header.scanning_sequence.empty() ? "RM" : joined(header.scanning_sequence));
  put(dataset, DCM_SequenceVariant,
      header.sequence_variant.empty() ? "NONE" : joined(header.sequence_variant));
  put(dataset, DCM_ScanOptions, joined(header.scan_options));
  put(dataset, DCM_MRAcquisitionType, header.acquisition_type);
  put_if(dataset, DCM_SequenceName, header.sequence_name);
  put(dataset, DCM_RepetitionTime, header.tr_ms ? decimal(*header.tr_ms) : "");
  put(dataset, DCM_EchoTime, header.te_ms ? decimal(*header.te_ms) : "");
  put_number(DCM_InversionTime, header.ti_ms);
  put(dataset, DCM_EchoTrainLength,
      header.echo_train_length ? std::to_string(*header.echo_train_length) : "");
  put_number(DCM_FlipAngle, header.flip_deg);
  put_number(DCM_MagneticFieldStrength, header.field_strength_t);
  put_if(dataset, DCM_ContrastBolusAgent, header.contrast_agent);
  put_if(dataset, DCM_ContrastBolusRoute, header.contrast_route);
  put_if(dataset, DCM_ContrastBolusVolume, header.contrast_volume);
  if (header.contrast_start_time_s)
    put(dataset, DCM_ContrastBolusStartTime, time_text(*header.contrast_start_time_s));
}

void put_geometry(DcmDataset& dataset, const VolumeGeometry& geometry, std::optional<double> thickness_mm,
                  std::size_t slice) {
  const Vec3& row = geometry.axes_lps[0];
  const Vec3& column = geometry.axes_lps[1];
  const Vec3 position = geometry.lps_mm({0, 0, static_cast<double>(slice)});
  put(dataset, DCM_ImageOrientationPatient,
      decimals({row[0], row[1], row[2], column[0], column[1], column[2]}));
  put(dataset, DCM_ImagePositionPatient, decimals({position[0], position[1], position[2]}));
  put(dataset, DCM_PixelSpacing, decimals({geometry.spacing_mm[1], geometry.spacing_mm[0]}));
  put(dataset, DCM_SliceThickness, decimal(thickness_mm.value_or(geometry.spacing_mm[2])));
  put(dataset, DCM_SpacingBetweenSlices, decimal(geometry.spacing_mm[2]));
  put(dataset, DCM_PatientPosition, "HFS");
}

void put_pixels(DcmDataset& dataset, const VolumeGeometry& geometry, const std::vector<Uint16>& pixels) {
  put(dataset, DCM_PhotometricInterpretation, "MONOCHROME2");
  const auto put_short = [&](const DcmTagKey& tag, std::size_t value) {
    check(dataset.putAndInsertUint16(tag, static_cast<Uint16>(value)), DcmTag(tag).getTagName());
  };
  put_short(DCM_SamplesPerPixel, 1);
  put_short(DCM_Rows, geometry.size[1]);
  put_short(DCM_Columns, geometry.size[0]);
  put_short(DCM_BitsAllocated, 16);
  put_short(DCM_BitsStored, 16);
  put_short(DCM_HighBit, 15);
  put_short(DCM_PixelRepresentation, 0);
  check(dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size()), "pixel data");
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

void check_volume(const SeriesHeader& header, const Volume& volume) {
  const auto& size = volume.geometry.size;
  if (size[0] == 0 || size[1] == 0 || size[2] == 0 || size[0] > 65535 || size[1] > 65535 ||
      volume.voxels.size() != volume.geometry.voxel_count())
    throw Error(Error::Kind::bad_input, "series " + header.series_instance_uid + ": " +
                                            std::to_string(volume.voxels.size()) + " voxels do not fill " +
                                            std::to_string(size[0]) + " x " + std::to_string(size[1]) +
                                            " x " + std::to_string(size[2]));
}

}  // namespace

void write_mr_series(const StudyIdentity& identity, const SeriesHeader& header, const Volume& volume,
                     const std::filesystem::path& directory) {
  check_volume(header, volume);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw Error(Error::Kind::io, directory.string() + ": cannot be made: " + error.message());
  for (std::size_t slice = 0; slice < volume.geometry.size[2]; ++slice) {
    const std::string number = std::to_string(slice + 1);
    DcmFileFormat file;
    DcmDataset& dataset = *file.getDataset();
    put(dataset, DCM_SOPClassUID, UID_MRImageStorage);
    put(dataset, DCM_SOPInstanceUID, header.series_instance_uid + "." + number);
    put(dataset, DCM_InstanceNumber, number);
    put_patient_and_study(dataset, identity);
    put_series(dataset, identity, header);
    put_physics(dataset, header);
    put_geometry(dataset, volume.geometry, header.slice_thickness_mm, slice);
    put_pixels(dataset, volume.geometry, stored_values(volume, slice));
    const auto path =
        directory / (std::string(4 - std::min<std::size_t>(number.size(), 4), '0') + number + ".dcm");
    const OFCondition saved = file.saveFile(OFFilename(path.c_str()), EXS_LittleEndianExplicit);
    if (saved.bad()) throw Error(Error::Kind::io, path.string() + ": cannot be written: " + saved.text());
  }
}

}  // namespace metserve::dicom
