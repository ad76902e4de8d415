#include "dicom/pixels.h"

#include <utility>

#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include "dicom/error.h"
#include "dicom/frames.h"
#include "dicom/jpeg_markers.h"

namespace metserve::dicom {
namespace {

/// JPEG fragments that would keep DCMTK's decoder busy for ever.
bool has_endless_fragment(DcmDataset& dataset, const DcmXfer& syntax) {
  if (syntax.getXfer() < EXS_JPEGProcess1 || syntax.getXfer() > EXS_JPEGProcess14SV1) return false;
  DcmElement* element = nullptr;
  if (dataset.findAndGetElement(DCM_PixelData, element).bad()) return false;
  auto* pixel_data = dynamic_cast<DcmPixelData*>(element);
  DcmPixelSequence* fragments = nullptr;
  if (pixel_data == nullptr ||
      pixel_data->getEncapsulatedRepresentation(syntax.getXfer(), nullptr, fragments).bad())
    return false;
  DcmObject* const offsets = fragments->nextInContainer(nullptr);
  if (offsets == nullptr) return false;
  for (DcmObject* object = offsets; (object = fragments->nextInContainer(object)) != nullptr;) {
    auto* fragment = static_cast<DcmPixelItem*>(object);
    Uint8* bytes = nullptr;
    if (fragment->getUint8Array(bytes).good() && bytes != nullptr &&
        endless_for_dcmtk({bytes, fragment->getLength()}))
      return true;
  }
  return false;
}

}  // namespace

Pixels::Pixels(DcmDataset& dataset, std::string name) : name_(std::move(name)) {
  if (!dataset.tagExists(DCM_PixelData)) throw Error(Error::Kind::bad_input, name_ + ": no pixel data");
  format_ = read_pixel_format(FrameAttributes(dataset));
  format_.check(name_);
  decode(dataset);
}

void Pixels::decode(DcmDataset& dataset) {
  const DcmXfer syntax(dataset.getOriginalXfer());
  if (has_endless_fragment(dataset, syntax))
    throw Error(Error::Kind::bad_input, name_ + ": damaged " + syntax.getXferName() + " data");
  if (dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr).bad() ||
      !dataset.canWriteXfer(EXS_LittleEndianExplicit)) {
    const bool known =
        syntax.isEncapsulated() && DcmCodecList::canChangeCoding(syntax.getXfer(), EXS_LittleEndianExplicit);
    if (known) throw Error(Error::Kind::bad_input, name_ + ": damaged " + syntax.getXferName() + " data");
    throw Error(Error::Kind::unsupported, name_ + ": no decoder for transfer syntax " + syntax.getXferName() +
                                              "; have the sender transcode it to Explicit VR Little Endian");
  }
  DcmElement* element = nullptr;
  dataset.findAndGetElement(DCM_PixelData, element);
  std::uint64_t available = 0;
  if (format_.bits_allocated == 8) {
    Uint8* bytes = nullptr;
    element->getUint8Array(bytes);
    bytes_ = bytes;
  } else {
    Uint16* words = nullptr;
    element->getUint16Array(words);
    bytes_ = reinterpret_cast<const std::uint8_t*>(words);
  }
  if (bytes_ != nullptr) available = element->getLength();
  format_.check_amount(available, name_);
}

void Pixels::read_frame(std::uint32_t frame, const Rescale& rescale, std::span<float> out) const {
  if (frame == 0 || frame > format_.frames || out.size() != format_.rows * format_.columns)
    throw Error(Error::Kind::bad_input, name_ + ": no frame " + std::to_string(frame) + " of that size");
  rescale_frame(format_, bytes_ + (frame - 1) * out.size() * format_.bytes_per_value(), rescale, out);
}

}  // namespace metserve::dicom
