#pragma once

#include <filesystem>
#include <string>

namespace metserve::dicom {

/// Whose study a file belongs to and when it was made, as sent; empty where the file does not say.
struct StudyOfPatient {
  std::string patient_id, issuer, birth_date;
  std::string date, time;  ///< of the study
};

/// Throws what read_file throws.
StudyOfPatient study_of_patient(const std::filesystem::path& file);

}  // namespace metserve::dicom
