#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dicom/study.h"

namespace metserve::dicom {

/// Identity of a written study, e.g. a simulated one.
struct StudyIdentity {
  std::string patient_name, patient_id, patient_birth_date, patient_sex;
  std::string study_instance_uid, study_date, study_time, study_description, accession_number;
  std::string frame_of_reference_uid;
};

/// Writes `volume` as a classic MR series (PS3.3 A.4), one instance per slice, explicit VR little endian,
/// 16-bit unsigned, voxels rounded: DIR/NNNN.dcm. The header's fields are written where they are not empty
/// and a classic image has a place for them; instance UIDs are the series UID and the slice's number. Throws
/// Error(bad_input) for voxels outside 0..65535 or values that DICOM cannot hold, Error(io) when a file
/// cannot be written.
void write_mr_series(const StudyIdentity& identity, const SeriesHeader& header, const Volume& volume,
                     const std::filesystem::path& directory);

}  // namespace metserve::dicom
