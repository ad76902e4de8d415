#include "dicom/classic_image.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/dataset.h"
#include "dicom/error.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t usual_header_bytes = 32 * 1024, largest_header_bytes = 4 * 1024 * 1024;
constexpr std::size_t meta_start = 132, group_length_bytes = 12;  // PS3.10 section 7.1

std::uint32_t code(const DcmTagKey& tag) {
  return static_cast<std::uint32_t>(tag.getGroup()) << 16 | tag.getElement();
}

const std::vector<std::uint32_t>& numbers() {  // of VR US
  static const std::vector<std::uint32_t> tags{
      code(DCM_SamplesPerPixel),    code(DCM_Rows),       code(DCM_Columns),
      code(DCM_BitsAllocated),      code(DCM_BitsStored), code(DCM_HighBit),
      code(DCM_PixelRepresentation)};
  return tags;
}

/// Texts in the dataset's character set, which are only compared.
const std::vector<std::uint32_t>& names() {
  static const std::vector<std::uint32_t> tags{code(DCM_PatientID), code(DCM_IssuerOfPatientID)};
  return tags;
}

/// Attributes that a classic image has no business with, and whose VR is not text.
const std::vector<std::uint32_t>& foreign() {
  static const std::vector<std::uint32_t> tags{
      code(DCM_EffectiveEchoTime), code(DCM_InversionTimes), code(DCM_TemporalPositionIndex),
      code(DCM_SharedFunctionalGroupsSequence), code(DCM_PerFrameFunctionalGroupsSequence)};
  return tags;
}

/// Everything that is asked of a FrameAttributes of one instance after the first of its series.
const std::vector<std::uint32_t>& wanted() {
  static const std::vector<std::uint32_t> tags = [] {
    std::vector<std::uint32_t> all{code(DCM_SOPClassUID),
                                   code(DCM_SOPInstanceUID),
                                   code(DCM_StudyInstanceUID),
                                   code(DCM_SeriesInstanceUID),
                                   code(DCM_InstanceNumber),
                                   code(DCM_FrameOfReferenceUID),
                                   code(DCM_ImagePositionPatient),
                                   code(DCM_ImageOrientationPatient),
                                   code(DCM_PixelSpacing),
                                   code(DCM_SliceThickness),
                                   code(DCM_SpacingBetweenSlices),
                                   code(DCM_RescaleSlope),
                                   code(DCM_RescaleIntercept),
                                   code(DCM_FrameType),
                                   code(DCM_ImageType),
                                   code(DCM_ComplexImageComponent),
                                   code(DCM_EchoTime),
                                   code(DCM_InversionTime),
                                   code(DCM_StackID),
                                   code(DCM_TemporalPositionIdentifier),
                                   code(DCM_ContrastBolusAgentAdministered),
                                   code(DCM_ContrastBolusStartTime),
                                   code(DCM_FrameAcquisitionDateTime),
                                   code(DCM_AcquisitionDateTime),
                                   code(DCM_StudyDate),
                                   code(DCM_AcquisitionDate),
                                   code(DCM_AcquisitionTime),
                                   code(DCM_ContentDate),
                                   code(DCM_ContentTime),
                                   code(DCM_SeriesDate),
                                   code(DCM_SeriesTime),
                                   code(DCM_NumberOfFrames),
                                   code(DCM_PatientBirthDate),
                                   code(DCM_PhotometricInterpretation)};
    for (const auto& more : {numbers(), names(), foreign()}) all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return tags;
}

bool is_one_of(const std::vector<std::uint32_t>& tags, std::uint32_t tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

/// Components without the spaces around them, as text_of gives them.
std::string without_inner_padding(const std::string& value) {
  if (value.find(' ') == std::string::npos) return without_padding(value);
  std::string text;
  for (const std::string& part : components(value)) text += (text.empty() ? "" : "\\") + part;
  return text;
}

bool is_plain_text(const std::string& value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// Bytes to text; false for what is no plain text or no number.
bool to_text(ScannedValues& values) {
  for (auto& [tag, value] : values) {
    if (is_one_of(numbers(), tag)) {
      if (value.size() != 2) return false;
      value =
          std::to_string(static_cast<unsigned char>(value[0]) | static_cast<unsigned char>(value[1]) << 8);
      continue;
    }
    value = without_inner_padding(value);
    if (!is_plain_text(value) && !is_one_of(names(), tag)) return false;
  }
  return true;
}

std::uint32_t u32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 |
         std::uint32_t{p[3]} << 24;
}

/// File meta information of a file that starts with these bytes; `end` is where its dataset starts.
struct Meta {
  std::string sop_class_uid, transfer_syntax_uid;
  std::size_t end = 0;
};

std::optional<Meta> read_meta(std::span<const std::uint8_t> start) {
  static constexpr std::array<std::uint8_t, group_length_bytes> expected{'D', 'I', 'C', 'M', 2, 0,
                                                                         0,   0,   'U', 'L', 4, 0};
  if (start.size() < meta_start + group_length_bytes ||
      !std::equal(expected.begin(), expected.end(), start.begin() + meta_start - 4))
    return std::nullopt;
  const std::size_t length = u32(&start[meta_start + 8]);
  const std::size_t first = meta_start + group_length_bytes;
  if (length > start.size() - first) return std::nullopt;
  static const std::array<std::uint32_t, 2> tags{code(DCM_MediaStorageSOPClassUID),
                                                 code(DCM_TransferSyntaxUID)};
  ScannedValues values =
      scan_dataset(start.subspan(first, length), UID_LittleEndianExplicitTransferSyntax, tags);
  return Meta{without_padding(values[tags[0]]), without_padding(values[tags[1]]), first + length};
}

bool is_plain(const Meta& meta) {
  return meta.sop_class_uid == UID_MRImageStorage &&
         (meta.transfer_syntax_uid == UID_LittleEndianExplicitTransferSyntax ||
          meta.transfer_syntax_uid == UID_LittleEndianImplicitTransferSyntax);
}

/// Nothing when the file is not of the kind; throws Error(bad_input) when its header does not add up, or goes
/// on behind `start`.
std::optional<ClassicImage> parse(std::span<const std::uint8_t> start, const FileStamp& stamp) {
  const auto meta = read_meta(start);
  if (!meta || !is_plain(*meta)) return std::nullopt;
  ScannedHead head = scan_head(start.subspan(meta->end), meta->transfer_syntax_uid, wanted());
  for (const std::uint32_t tag : foreign())
    if (head.values.contains(tag)) return std::nullopt;
  ClassicImage image{std::move(head.values), {}};
  image.pixels.offset = meta->end + head.pixel_data_offset;
  image.pixels.bytes = head.pixel_data_bytes;
  image.pixels.stamp = stamp;
  if (image.pixels.bytes % 2 != 0 || image.pixels.offset + image.pixels.bytes != stamp.bytes ||
      !to_text(image.values))
    return std::nullopt;
  return image;
}

}  // namespace

std::optional<ClassicImage> read_classic(const std::filesystem::path& path) {
  const ReadOnlyFile file(path);
  const FileStamp stamp = file.stamp();
  std::vector<std::uint8_t> start;
  for (const std::size_t limit : {usual_header_bytes, largest_header_bytes}) {
    start.resize(std::min<std::uint64_t>(stamp.bytes, limit));
    try {
      file.read(0, start);
      return parse(start, stamp);
    } catch (const Error&) {  // longer than usual, or damaged, which DCMTK's parser will tell
    }
    if (start.size() == stamp.bytes) break;
  }
  return std::nullopt;
}

}  // namespace metserve::dicom
