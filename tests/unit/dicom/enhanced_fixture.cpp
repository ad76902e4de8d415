#include "tests/unit/dicom/enhanced_fixture.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "tests/catch.h"

namespace metserve::dicom::test {

namespace {

void put_in_macro(DcmItem& groups, const DcmTagKey& sequence, const DcmTagKey& tag,
                  const std::string& value) {
  if (value.empty()) return;
  DcmItem* item = nullptr;
  REQUIRE(groups.findOrCreateSequenceItem(sequence, item, 0).good());
  REQUIRE(item->putAndInsertString(tag, value.c_str()).good());
}

void put_head(DcmDataset& dataset, std::size_t frames) {
  dataset.putAndInsertString(DCM_SOPClassUID, UID_EnhancedMRImageStorage);
  dataset.putAndInsertString(DCM_SOPInstanceUID, "2.25.7.1");
  dataset.putAndInsertString(DCM_StudyInstanceUID, "2.25.5");
  dataset.putAndInsertString(DCM_SeriesInstanceUID, "2.25.7");
  dataset.putAndInsertString(DCM_Modality, "MR");
  dataset.putAndInsertString(DCM_ImageType, "ORIGINAL\\PRIMARY\\MIXED\\NONE");
  dataset.putAndInsertString(DCM_NumberOfFrames, std::to_string(frames).c_str());
  dataset.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
  dataset.putAndInsertUint16(DCM_SamplesPerPixel, 1);
  for (const DcmTagKey& tag : {DCM_Rows, DCM_Columns}) dataset.putAndInsertUint16(tag, 2);
  for (const DcmTagKey& tag : {DCM_BitsAllocated, DCM_BitsStored}) dataset.putAndInsertUint16(tag, 16);
  dataset.putAndInsertUint16(DCM_HighBit, 15);
  dataset.putAndInsertUint16(DCM_PixelRepresentation, 0);
  DcmItem* shared = nullptr;
  dataset.findOrCreateSequenceItem(DCM_SharedFunctionalGroupsSequence, shared, 0);
  put_in_macro(*shared, DCM_PlaneOrientationSequence, DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
  put_in_macro(*shared, DCM_PixelMeasuresSequence, DCM_PixelSpacing, "0.5\\0.25");
  put_in_macro(*shared, DCM_PixelMeasuresSequence, DCM_SliceThickness, "2");
  put_in_macro(*shared, DCM_MRTimingAndRelatedParametersSequence, DCM_RepetitionTime, "400");
}

void put_frame(DcmItem& groups, const EnhancedFrame& frame) {
  put_in_macro(groups, DCM_PlanePositionSequence, DCM_ImagePositionPatient,
               "-5\\7\\" + std::to_string(frame.z_mm));
  put_in_macro(groups, DCM_MRImageFrameTypeSequence, DCM_FrameType, frame.frame_type);
  put_in_macro(groups, DCM_PixelValueTransformationSequence, DCM_RescaleSlope, frame.slope);
  put_in_macro(groups, DCM_FrameContentSequence, DCM_StackID, frame.stack);
  put_in_macro(groups, DCM_FrameContentSequence, DCM_TemporalPositionIndex, frame.time_point);
  put_in_macro(groups, DCM_ContrastBolusUsageSequence, DCM_ContrastBolusAgentAdministered,
               frame.administered);
}

}  // namespace

void write_enhanced(const std::filesystem::path& path, const std::vector<EnhancedFrame>& frames,
                    const std::function<void(DcmDataset&)>& edit) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_head(dataset, frames.size());
  std::vector<Uint16> pixels;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    DcmItem* groups = nullptr;
    dataset.findOrCreateSequenceItem(DCM_PerFrameFunctionalGroupsSequence, groups, static_cast<long>(i));
    put_frame(*groups, frames[i]);
    pixels.insert(pixels.end(), 4, frames[i].stored);
  }
  dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size());
  if (edit) edit(dataset);
  REQUIRE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
}

}  // namespace metserve::dicom::test
