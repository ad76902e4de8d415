#include "dicom/mr_writer.h"

#include <algorithm>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/error.h"
#include "dicom/mr_image.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

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
    put_mr_physics(dataset, header);
    put_mr_plane(dataset, volume.geometry, header.slice_thickness_mm, slice);
    put_mr_pixels(dataset, volume, slice);
    const auto path =
        directory / (std::string(4 - std::min<std::size_t>(number.size(), 4), '0') + number + ".dcm");
    const OFCondition saved = file.saveFile(OFFilename(path.c_str()), EXS_LittleEndianExplicit);
    if (saved.bad()) throw Error(Error::Kind::io, path.string() + ": cannot be written: " + saved.text());
  }
}

}  // namespace metserve::dicom
