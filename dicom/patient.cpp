#include "dicom/patient.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"

namespace metserve::dicom {

StudyOfPatient study_of_patient(const std::filesystem::path& file) {
  const auto format = read_file(file);
  DcmDataset& dataset = *format->getDataset();
  return {text_of(dataset, DCM_PatientID), text_of(dataset, DCM_IssuerOfPatientID),
          text_of(dataset, DCM_PatientBirthDate), text_of(dataset, DCM_StudyDate),
          text_of(dataset, DCM_StudyTime)};
}

}  // namespace metserve::dicom
