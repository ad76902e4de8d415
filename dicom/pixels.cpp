#include "dicom/pixels.h"

#include <algorithm>
#include <utility>

#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
#include "dicom/jpeg_markers.h"

namespace metserve::dicom {
namespace {

std::size_t count_of(DcmItem& dataset, const DcmTagKey& tag, double fallback) {
  return static_cast<std::size_t>(
      std::clamp(parse_number(text_of(dataset, tag)).value_or(fallback), 0.0, 1e9));
}

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
  read_format(dataset);
  decode(dataset);
}

void Pixels::read_format(DcmDataset& dataset) {
  rows_ = count_of(dataset, DCM_Rows, 0);
  columns_ = count_of(dataset, DCM_Columns, 0);
  frames_ = std::max<std::size_t>(count_of(dataset, DCM_NumberOfFrames, 1), 1);
  bits_allocated_ = static_cast<unsigned>(count_of(dataset, DCM_BitsAllocated, 0));
  bits_stored_ = static_cast<unsigned>(count_of(dataset, DCM_BitsStored, bits_allocated_));
  high_bit_ = static_cast<unsigned>(count_of(dataset, DCM_HighBit, bits_stored_ - 1.0));
  is_signed_ = count_of(dataset, DCM_PixelRepresentation, 0) == 1;
  const std::string photometric = text_of(dataset, DCM_PhotometricInterpretation);
  if (count_of(dataset, DCM_SamplesPerPixel, 1) != 1 || !photometric.starts_with("MONOCHROME"))
    throw Error(Error::Kind::unsupported, name_ + ": not a greyscale image (" + photometric + ")");
  if (bits_allocated_ != 8 && bits_allocated_ != 16)
    throw Error(Error::Kind::unsupported,
                name_ + ": " + std::to_string(bits_allocated_) + " bits allocated, 8 or 16 can be read");
  if (bits_stored_ == 0 || bits_stored_ > bits_allocated_ || high_bit_ >= bits_allocated_ ||
      high_bit_ + 1 < bits_stored_)
    throw Error(Error::Kind::bad_input, name_ + ": bits stored and high bit contradict each other");
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
  std::size_t available = 0;
  if (bits_allocated_ == 8) {
    Uint8* bytes = nullptr;
    element->getUint8Array(bytes);
    values8_ = bytes;
    available = bytes == nullptr ? 0 : element->getLength();
  } else {
    Uint16* words = nullptr;
    element->getUint16Array(words);
    values16_ = words;
    available = words == nullptr ? 0 : element->getLength() / 2;
  }
  if (rows_ == 0 || columns_ == 0 || available / rows_ / columns_ < frames_)
    throw Error(Error::Kind::bad_input, name_ + ": pixel data is cut off: " + std::to_string(available) +
                                            " values for " + std::to_string(frames_) + " frame(s) of " +
                                            std::to_string(columns_) + " x " + std::to_string(rows_));
}

void Pixels::read_frame(std::uint32_t frame, double slope, double intercept, std::span<float> out) const {
  if (frame == 0 || frame > frames_ || out.size() != rows_ * columns_)
    throw Error(Error::Kind::bad_input, name_ + ": no frame " + std::to_string(frame) + " of that size");
  const std::size_t first = (frame - 1) * out.size();
  const unsigned shift = high_bit_ + 1 - bits_stored_;
  const std::int32_t mask = static_cast<std::int32_t>((1U << bits_stored_) - 1);
  const std::int32_t sign = is_signed_ ? std::int32_t{1} << (bits_stored_ - 1) : 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int32_t raw = values8_ ? values8_[first + i] : values16_[first + i];
    const std::int32_t stored = (((raw >> shift) & mask) ^ sign) - sign;
    out[i] = static_cast<float>(slope * stored + intercept);
  }
}

}  // namespace metserve::dicom
