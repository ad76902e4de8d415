#include "dicom/seg_groups.h"

#include <array>
#include <memory>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"
#include "dicom/error.h"

namespace metserve::dicom {
namespace {

std::string position_of(const SliceSource& source) {
  const auto coordinates = components(source.image_position);
  if (coordinates.size() != 3)
    throw Error(Error::Kind::bad_input, "instance " + source.sop_instance_uid + " has the image position '" +
                                            source.image_position + "', not 3 values");
  return decimal_string(coordinates[0]) + '\\' + decimal_string(coordinates[1]) + '\\' +
         decimal_string(coordinates[2]);
}

/// Derivation Image (PS3.3 C.7.6.16.2.6) with exactly one source: readers go by it.
void put_derivation(DcmItem& groups, const SliceSource& source) {
  DcmItem& derivation = append_item(groups, DCM_DerivationImageSequence);
  put(derivation, DCM_DerivationDescription, "Segmentation by an AI model");
  append_code(derivation, DCM_DerivationCodeSequence, code::segmentation);
  DcmItem& image = append_item(derivation, DCM_SourceImageSequence);
  put(image, DCM_ReferencedSOPClassUID, source.sop_class_uid);
  put(image, DCM_ReferencedSOPInstanceUID, source.sop_instance_uid);
  if (source.frame_number) put(image, DCM_ReferencedFrameNumber, std::to_string(*source.frame_number));
  append_code(image, DCM_PurposeOfReferenceCodeSequence, code::source_for_processing);
}

void put_groups(DcmItem& groups, const SegmentFrame& frame, const SliceSource& source) {
  const std::array<Uint32, 2> indices{static_cast<Uint32>(frame.lesion + 1),
                                      static_cast<Uint32>(frame.slice + 1)};
  require(append_item(groups, DCM_FrameContentSequence)
              .putAndInsertUint32Array(DCM_DimensionIndexValues, indices.data(), indices.size()),
          "dimension index values");
  put(append_item(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient, position_of(source));
  require(append_item(groups, DCM_SegmentIdentificationSequence)
              .putAndInsertUint16(DCM_ReferencedSegmentNumber, static_cast<Uint16>(frame.lesion + 1)),
          "segment number");
  put_derivation(groups, source);
}

}  // namespace

void put_frame_groups(DcmItem& dataset, const std::vector<SegmentFrame>& frames,
                      const LoadedSeries& reference) {
  auto sequence = std::make_unique<DcmSequenceOfItems>(DCM_PerFrameFunctionalGroupsSequence);
  for (const SegmentFrame& frame : frames) {
    auto groups = std::make_unique<DcmItem>();
    put_groups(*groups, frame, reference.slices[frame.slice]);
    require(sequence->append(groups.get()), "frame");
    static_cast<void>(groups.release());
  }
  require(dataset.insert(sequence.get(), OFTrue), "frames");
  static_cast<void>(sequence.release());
  put(dataset, DCM_NumberOfFrames, std::to_string(frames.size()));
}

}  // namespace metserve::dicom
