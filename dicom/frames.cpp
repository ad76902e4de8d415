#include "dicom/frames.h"

#include <algorithm>
#include <map>

#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcsequen.h>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

/// The attribute in one of the group's macros; private sequences may hold anything and are passed over.
std::string text_in_groups(DcmItem* groups, const DcmTagKey& tag) {
  if (groups == nullptr) return {};
  for (DcmObject* object = groups->nextInContainer(nullptr); object != nullptr;
       object = groups->nextInContainer(object)) {
    if (object->ident() != EVR_SQ || object->getGTag() % 2 != 0) continue;
    auto* sequence = static_cast<DcmSequenceOfItems*>(object);
    if (sequence->card() == 0) continue;
    if (std::string text = text_of(*sequence->getItem(0), tag); !text.empty()) return text;
  }
  return {};
}

constexpr double echo_tolerance_ms = 0.1;
constexpr double inversion_tolerance_ms = 1, inversion_tolerance = 0.005;

/// Makes the keys' values of `time`, where neighbours in their order are nearer than `tolerance_ms` of the
/// lower one, the lowest of them.
template <typename Tolerance>
void join_near(std::vector<PartKey>& keys, std::optional<double> PartKey::*time,
               const Tolerance& tolerance_ms) {
  std::map<double, double> lowest_of;
  for (const PartKey& key : keys)
    if (key.*time) lowest_of.emplace(*(key.*time), *(key.*time));
  for (auto it = lowest_of.begin(), before = it; it != lowest_of.end(); before = it++)
    if (it->first - before->first < tolerance_ms(before->first)) it->second = before->second;
  for (PartKey& key : keys)
    if (key.*time) key.*time = lowest_of.at(*(key.*time));
}

}  // namespace

std::string FrameAttributes::own_text(const DcmTagKey& tag) const {
  if (classic_ == nullptr) return text_of(*dataset_, tag);
  const auto found = classic_->find(static_cast<std::uint32_t>(tag.getGroup()) << 16 | tag.getElement());
  return found == classic_->end() ? "" : found->second;
}

std::string FrameAttributes::text(const DcmTagKey& tag) const {
  if (std::string text = text_in_groups(per_frame_, tag); !text.empty()) return text;
  if (std::string text = text_in_groups(shared_, tag); !text.empty()) return text;
  return own_text(tag);
}

std::string FrameAttributes::first_text(std::initializer_list<DcmTagKey> tags) const {
  for (const DcmTagKey& tag : tags)
    if (std::string value = text(tag); !value.empty()) return value;
  return {};
}

std::optional<double> FrameAttributes::number(const DcmTagKey& tag) const {
  const auto parts = components(text(tag));
  return parts.empty() ? std::nullopt : parse_number(parts.front());
}

std::optional<double> FrameAttributes::first_number(std::initializer_list<DcmTagKey> tags) const {
  for (const DcmTagKey& tag : tags)
    if (const auto value = number(tag)) return value;
  return std::nullopt;
}

bool has_functional_groups(DcmItem& dataset) {
  return first_item(dataset, DCM_PerFrameFunctionalGroupsSequence) != nullptr;
}

std::vector<FrameAttributes> frame_attributes(DcmItem& dataset, const std::string& file_name) {
  const auto declared = parse_number(text_of(dataset, DCM_NumberOfFrames)).value_or(1);
  if (!has_functional_groups(dataset)) {
    if (declared > 1)
      throw Error(Error::Kind::unsupported,
                  file_name + ": several frames without functional groups have no place in the patient");
    return {FrameAttributes(dataset)};
  }
  DcmSequenceOfItems* sequence = nullptr;
  dataset.findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, sequence);
  if (static_cast<double>(sequence->card()) != declared)
    throw Error(Error::Kind::bad_input, file_name + ": functional groups for " +
                                            std::to_string(sequence->card()) + " frames, but " +
                                            text_of(dataset, DCM_NumberOfFrames) + " frames");
  DcmItem* shared = first_item(dataset, DCM_SharedFunctionalGroupsSequence);
  std::vector<FrameAttributes> frames;
  frames.reserve(sequence->card());
  // nextInContainer, not getItem: the items are a linked list.
  for (DcmObject* item = sequence->nextInContainer(nullptr); item != nullptr;
       item = sequence->nextInContainer(item))
    frames.emplace_back(dataset, shared, static_cast<DcmItem*>(item));
  return frames;
}

Frame read_frame(const FrameAttributes& attributes, std::uint32_t number, bool multi_frame) {
  const std::string uid = attributes.own_text(DCM_SOPInstanceUID);
  const std::string instance = attributes.own_text(DCM_InstanceNumber);
  Frame frame;
  frame.label = multi_frame        ? "frame " + std::to_string(number) + " of " + uid
                : instance.empty() ? "instance " + uid
                                   : "instance " + instance + " (" + uid + ")";
  frame.title = multi_frame        ? "frame " + std::to_string(number)
                : instance.empty() ? "image"
                                   : "image " + instance;
  frame.number = number;
  frame.rows = static_cast<std::size_t>(
      std::clamp(parse_number(attributes.own_text(DCM_Rows)).value_or(0), 0.0, 65535.0));
  frame.columns = static_cast<std::size_t>(
      std::clamp(parse_number(attributes.own_text(DCM_Columns)).value_or(0), 0.0, 65535.0));
  frame.frame_of_reference_uid = attributes.text(DCM_FrameOfReferenceUID);
  frame.position = attributes.text(DCM_ImagePositionPatient);
  frame.orientation = attributes.text(DCM_ImageOrientationPatient);
  frame.pixel_spacing = attributes.text(DCM_PixelSpacing);
  frame.thickness = attributes.text(DCM_SliceThickness);
  frame.spacing_between_slices_mm = attributes.number(DCM_SpacingBetweenSlices);
  frame.slope = attributes.number(DCM_RescaleSlope).value_or(1);
  frame.intercept = attributes.number(DCM_RescaleIntercept).value_or(0);
  frame.inverted = attributes.own_text(DCM_PhotometricInterpretation) == "MONOCHROME1";
  return frame;
}

PixelFormat read_pixel_format(const FrameAttributes& attributes) {
  const auto count = [&](const DcmTagKey& tag, double fallback) {
    return static_cast<std::size_t>(
        std::clamp(parse_number(attributes.own_text(tag)).value_or(fallback), 0.0, 1e9));
  };
  PixelFormat format;
  format.rows = count(DCM_Rows, 0);
  format.columns = count(DCM_Columns, 0);
  format.frames = std::max<std::size_t>(count(DCM_NumberOfFrames, 1), 1);
  format.samples = count(DCM_SamplesPerPixel, 1);
  format.bits_allocated = static_cast<unsigned>(count(DCM_BitsAllocated, 0));
  format.bits_stored = static_cast<unsigned>(count(DCM_BitsStored, format.bits_allocated));
  format.high_bit = static_cast<unsigned>(count(DCM_HighBit, format.bits_stored - 1.0));
  format.is_signed = count(DCM_PixelRepresentation, 0) == 1;
  format.photometric = attributes.own_text(DCM_PhotometricInterpretation);
  return format;
}

PartKey part_key(const FrameAttributes& attributes) {
  PartKey key;
  for (const std::string& part :
       {attributes.first_text({DCM_FrameType, DCM_ImageType}), attributes.text(DCM_ComplexImageComponent),
        attributes.text(DCM_StackID),
        attributes.first_text({DCM_TemporalPositionIndex, DCM_TemporalPositionIdentifier}),
        attributes.text(DCM_ContrastBolusAgentAdministered)})
    key.text += part + '|';
  key.echo_ms = attributes.first_number({DCM_EffectiveEchoTime, DCM_EchoTime});
  key.inversion_ms = attributes.first_number({DCM_InversionTimes, DCM_InversionTime});
  return key;
}

std::vector<PartKey> without_jitter(std::vector<PartKey> keys) {
  join_near(keys, &PartKey::echo_ms, [](double) { return echo_tolerance_ms; });
  join_near(keys, &PartKey::inversion_ms, [](double inversion_ms) {
    return std::max(inversion_tolerance_ms, inversion_tolerance * inversion_ms);
  });
  return keys;
}

}  // namespace metserve::dicom
