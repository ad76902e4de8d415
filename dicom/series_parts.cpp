#include "dicom/series_parts.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/classic_image.h"
#include "dicom/error.h"
#include "dicom/slice_order.h"

namespace metserve::dicom {
namespace {

InstanceFile read_instance(DcmDataset& dataset, const std::filesystem::path& path) {
  InstanceFile instance;
  instance.path = path;
  instance.sop_class_uid = text_of(dataset, DCM_SOPClassUID);
  instance.sop_instance_uid = text_of(dataset, DCM_SOPInstanceUID);
  instance.enhanced = has_functional_groups(dataset);
  if (instance.sop_instance_uid.empty() || text_of(dataset, DCM_StudyInstanceUID).empty() ||
      text_of(dataset, DCM_SeriesInstanceUID).empty())
    throw Error(Error::Kind::bad_input, path.string() + ": no study, series or SOP instance UID");
  return instance;
}

InstanceFile instance_of(const ClassicImage& image, const FrameAttributes& attributes,
                         const std::filesystem::path& path) {
  InstanceFile instance;
  instance.path = path;
  instance.sop_class_uid = attributes.own_text(DCM_SOPClassUID);
  instance.sop_instance_uid = attributes.own_text(DCM_SOPInstanceUID);
  instance.native = image.pixels;
  instance.native->format = read_pixel_format(attributes);
  return instance;
}

PatientIdentity patient_of(const FrameAttributes& attributes) {
  return {attributes.own_text(DCM_PatientID), attributes.own_text(DCM_IssuerOfPatientID),
          attributes.own_text(DCM_PatientBirthDate)};
}

bool earlier(const Moment& a, const Moment& b) {
  return std::pair(a.day.value_or(0), a.seconds) < std::pair(b.day.value_or(0), b.seconds);
}

/// Appends `more` to `part`; both have the same key but for jitter.
void append(SeriesPart& part, const SeriesPart& more) {
  const std::size_t first_file = part.instances.size();
  part.instances.insert(part.instances.end(), more.instances.begin(), more.instances.end());
  for (Frame frame : more.frames) {
    frame.file += first_file;
    part.frames.push_back(std::move(frame));
  }
  part.header.patients.insert(more.header.patients.begin(), more.header.patients.end());
  part.header.has_pixels = part.header.has_pixels && more.header.has_pixels;
  if (more.acquired && (!part.acquired || earlier(*more.acquired, *part.acquired)))
    part.acquired = more.acquired;
}

bool stacks(const SeriesPart& part) {
  return std::holds_alternative<SliceStack>(stack_slices(part.frames));
}

}  // namespace

std::vector<SeriesPart> read_parts(const std::filesystem::path& path) {
  const auto file = read_file(path);
  DcmDataset& dataset = *file->getDataset();
  InstanceFile instance = read_instance(dataset, path);
  const auto attributes = frame_attributes(dataset, path.string());

  std::vector<SeriesPart> parts;
  std::vector<PartKey> keys;
  keys.reserve(attributes.size());
  for (const FrameAttributes& frame : attributes) keys.push_back(part_key(frame));
  keys = without_jitter(std::move(keys));
  std::map<PartKey, std::size_t> part_of_key;
  for (std::uint32_t number = 1; number <= attributes.size(); ++number) {
    const FrameAttributes& frame = attributes[number - 1];
    const auto [entry, added] = part_of_key.try_emplace(keys[number - 1], parts.size());
    if (added) {
      SeriesPart part;
      part.key = entry->first;
      part.header = read_header(frame);
      part.acquired = acquisition_moment(frame);
      part.contrast_start = frame.text(DCM_ContrastBolusStartTime);
      part.instances = {instance};
      part.header.patients = {patient_of(frame)};
      part.header.has_pixels = dataset.tagExists(DCM_PixelData);
      parts.push_back(std::move(part));
    }
    parts[entry->second].frames.push_back(read_frame(frame, number, instance.enhanced));
  }
  for (SeriesPart& part : parts) part.whole_instances = parts.size() == 1;
  return parts;
}

std::optional<SeriesPart> read_classic_part(const std::filesystem::path& path) {
  const auto image = read_classic(path);
  if (!image) return std::nullopt;
  const FrameAttributes attributes(image->values);
  SeriesPart part;
  part.instances = {instance_of(*image, attributes, path)};
  part.header.study_instance_uid = attributes.own_text(DCM_StudyInstanceUID);
  part.header.series_instance_uid = attributes.own_text(DCM_SeriesInstanceUID);
  part.header.patients = {patient_of(attributes)};
  part.header.has_pixels = true;
  if (part.instances[0].sop_instance_uid.empty() || part.header.study_instance_uid.empty() ||
      part.header.series_instance_uid.empty() || part.instances[0].native->format.frames > 1)
    return std::nullopt;
  part.key = part_key(attributes);
  part.acquired = acquisition_moment(attributes);
  part.contrast_start = attributes.own_text(DCM_ContrastBolusStartTime);
  part.frames = {read_frame(attributes, 1, false)};
  return part;
}

std::vector<SeriesPart> join_parts(std::vector<SeriesPart> parts) {
  std::vector<SeriesPart> joined;
  std::vector<PartKey> keys;
  keys.reserve(parts.size());
  for (const SeriesPart& part : parts) keys.push_back(part.key);
  keys = without_jitter(std::move(keys));
  std::map<std::pair<std::string, PartKey>, std::vector<SeriesPart>> by_key;
  for (std::size_t n = 0; n < parts.size(); ++n) {
    if (parts[n].whole_instances)
      by_key[{parts[n].instances[0].sop_class_uid, keys[n]}].push_back(std::move(parts[n]));
    else
      joined.push_back(std::move(parts[n]));
  }
  for (auto& [key, same] : by_key) {
    SeriesPart whole = same.front();
    for (std::size_t i = 1; i < same.size(); ++i) append(whole, same[i]);
    const bool apart = same.size() > 1 && same[0].instances[0].enhanced && !stacks(whole) &&
                       std::all_of(same.begin(), same.end(), stacks);
    if (apart)
      std::move(same.begin(), same.end(), std::back_inserter(joined));
    else
      joined.push_back(std::move(whole));
  }
  return joined;
}

}  // namespace metserve::dicom
