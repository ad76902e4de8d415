#include "dicom/read_segmentation.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

// Of a slice's distance: each of two may lie a fifth from the even grid (slice_order.cpp).
constexpr double position_tolerance = 0.4;
constexpr std::size_t most_voxels = 2000000000;  // ten times a large head; more is a damaged file

struct Frame {
  std::size_t segment = 0;  ///< number, from 1
  Vec3 position_lps_mm{};
  double along_mm = 0;  ///< the normal
};

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& reason) {
  throw Error(Error::Kind::bad_input, file.string() + ": " + reason);
}

/// Item of a functional group: the frame's own, else the shared one.
DcmItem* group_of(DcmItem& frame, DcmItem* shared, const DcmTagKey& sequence) {
  if (DcmItem* own = first_item(frame, sequence)) return own;
  return shared == nullptr ? nullptr : first_item(*shared, sequence);
}

std::vector<double> numbers_in(DcmItem* item, const DcmTagKey& tag, std::size_t count) {
  auto numbers = item == nullptr ? std::vector<double>() : parse_numbers(text_of(*item, tag));
  if (numbers.size() != count) numbers.clear();
  return numbers;
}

/// Axes, spacing and matrix; size in slices and origin are still open, the distance between slices is 0 where
/// the object does not give it.
VolumeGeometry grid_of(DcmDataset& dataset, DcmItem& frame, DcmItem* shared,
                       const std::filesystem::path& file) {
  const auto cosines =
      numbers_in(group_of(frame, shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, 6);
  DcmItem* measures = group_of(frame, shared, DCM_PixelMeasuresSequence);
  const auto spacing = numbers_in(measures, DCM_PixelSpacing, 2);
  const auto between = numbers_in(measures, DCM_SpacingBetweenSlices, 1);
  Uint16 rows = 0, columns = 0;
  dataset.findAndGetUint16(DCM_Rows, rows);
  dataset.findAndGetUint16(DCM_Columns, columns);
  if (cosines.empty() || spacing.empty() || rows == 0 || columns == 0 ||
      (!between.empty() && !(between[0] > 0)))
    refuse(file, "the segmentation does not say where its voxels lie");
  VolumeGeometry grid;
  grid.size = {columns, rows, 0};
  grid.spacing_mm = {spacing[1], spacing[0], between.empty() ? 0 : between[0]};
  const Vec3 i{cosines[0], cosines[1], cosines[2]}, j{cosines[3], cosines[4], cosines[5]};
  grid.axes_lps = {i, j, {i[1] * j[2] - i[2] * j[1], i[2] * j[0] - i[0] * j[2], i[0] * j[1] - i[1] * j[0]}};
  return grid;
}

std::vector<Frame> frames_of(DcmSequenceOfItems& items, DcmItem* shared, const Vec3& normal,
                             const std::filesystem::path& file) {
  std::vector<Frame> frames;
  for (unsigned long n = 0; n < items.card(); ++n) {
    DcmItem& item = *items.getItem(n);
    const auto position =
        numbers_in(group_of(item, shared, DCM_PlanePositionSequence), DCM_ImagePositionPatient, 3);
    DcmItem* identification = group_of(item, shared, DCM_SegmentIdentificationSequence);
    Uint16 segment = 0;
    if (identification != nullptr) identification->findAndGetUint16(DCM_ReferencedSegmentNumber, segment);
    if (position.empty() || segment == 0)
      refuse(file, "frame " + std::to_string(n + 1) + " has no position or no segment");
    frames.push_back({segment, {position[0], position[1], position[2]}, 0});
    for (std::size_t c = 0; c < 3; ++c) frames.back().along_mm += position[c] * normal[c];
  }
  return frames;
}

/// Where the object does not give it (PS3.3 C.7.6.16.2.1: type 1C), slices are as far apart as the closest
/// two; a single one is as thick as it says.
double distance_between(std::vector<Frame> frames, DcmItem* measures, const std::filesystem::path& file) {
  constexpr double same_place_mm = 0.01;
  std::sort(frames.begin(), frames.end(),
            [](const Frame& a, const Frame& b) { return a.along_mm < b.along_mm; });
  double closest_mm = 0;
  for (std::size_t n = 1; n < frames.size(); ++n) {
    const double apart_mm = frames[n].along_mm - frames[n - 1].along_mm;
    if (apart_mm > same_place_mm && (closest_mm == 0 || apart_mm < closest_mm)) closest_mm = apart_mm;
  }
  if (closest_mm > 0) return closest_mm;
  const auto thickness = numbers_in(measures, DCM_SliceThickness, 1);
  if (thickness.empty() || !(thickness[0] > 0))
    refuse(file, "the segmentation does not say where its voxels lie");
  return thickness[0];
}

/// Lowest frame as the origin, and as many slices as reach to the highest.
void span_frames(const std::vector<Frame>& frames, VolumeGeometry& grid, const std::filesystem::path& file) {
  const auto [low, high] = std::minmax_element(
      frames.begin(), frames.end(), [](const Frame& a, const Frame& b) { return a.along_mm < b.along_mm; });
  const double slices = (high->along_mm - low->along_mm) / grid.spacing_mm[2];
  const double plane = static_cast<double>(grid.size[0] * grid.size[1]);
  if (!((slices + 1) * plane <= static_cast<double>(most_voxels)))
    refuse(file, "the frames lie too far apart for a volume");
  grid.origin_lps_mm = low->position_lps_mm;
  grid.size[2] = static_cast<std::size_t>(std::lround(slices)) + 1;
  for (const Frame& frame : frames) {
    const Vec3 index = grid.index(frame.position_lps_mm);
    if (std::abs(index[2] - std::round(index[2])) > position_tolerance || std::abs(index[0]) > 0.5 ||
        std::abs(index[1]) > 0.5)
      refuse(file, "the frames lie on no regular grid");
  }
}

void read_source(DcmItem& series, ReadSegmentation& result) {
  result.source_series_uid = text_of(series, DCM_SeriesInstanceUID);
  DcmSequenceOfItems* images = nullptr;
  if (series.findAndGetSequence(DCM_ReferencedInstanceSequence, images).bad()) return;
  for (unsigned long n = 0; n < images->card(); ++n)
    result.source_sop_instance_uids.insert(text_of(*images->getItem(n), DCM_ReferencedSOPInstanceUID));
}

/// By segment number, from 1: a standard segmentation numbers them without gaps, others may not.
std::map<std::size_t, SegmentDescription> segments_of(DcmDataset& dataset) {
  std::map<std::size_t, SegmentDescription> segments;
  DcmSequenceOfItems* items = nullptr;
  if (dataset.findAndGetSequence(DCM_SegmentSequence, items).bad()) return segments;
  for (unsigned long n = 0; n < items->card(); ++n) {
    DcmItem& item = *items->getItem(n);
    Uint16 number = 0;
    item.findAndGetUint16(DCM_SegmentNumber, number);
    if (number > 0) segments[number] = {text_of(item, DCM_TrackingID), text_of(item, DCM_TrackingUID), 0};
  }
  return segments;
}

/// What found the first segment, and so, in ours, all of them (PS3.3 C.8.20.2: type 1C, 3 where people draw).
void read_algorithm(DcmDataset& dataset, ReadSegmentation& result) {
  DcmItem* const segment = first_item(dataset, DCM_SegmentSequence);
  DcmItem* const found =
      segment == nullptr ? nullptr : first_item(*segment, DCM_SegmentationAlgorithmIdentificationSequence);
  if (found == nullptr) return;
  if (const std::string name = text_of(*found, DCM_AlgorithmName); !name.empty())
    result.algorithm = name + " " + text_of(*found, DCM_AlgorithmVersion);
  const std::string parameters = text_of(*found, DCM_AlgorithmParameters);
  for (const std::string& weights : values_of(weights_key, parameters)) result.weights_sha256 = weights;
  for (const std::string& sentence : values_of(used_key, parameters))
    result.sequences_used.insert(sentence.substr(0, sentence.find(':')));
}

/// Whether a pixel, counted over all frames, belongs to its frame's segment.
class Pixels {
 public:
  Pixels(DcmDataset& dataset, std::size_t count, const std::filesystem::path& file) {
    if (DcmXfer(dataset.getOriginalXfer()).isEncapsulated())
      throw Error(Error::Kind::unsupported,
                  file.string() + ": segmentations with compressed pixels are not read");
    unsigned long length = 0;
    Uint16 bits = 0;
    dataset.findAndGetUint16(DCM_BitsAllocated, bits);
    binary_ = bits == 1;
    if (dataset.findAndGetUint8Array(DCM_PixelData, bytes_, &length).bad()) {
      const Uint16* words = nullptr;  // pixels as OW: the bytes of a little-endian machine
      if (dataset.findAndGetUint16Array(DCM_PixelData, words, &length).good()) length *= 2;
      bytes_ = reinterpret_cast<const Uint8*>(words);
    }
    if ((bits != 1 && bits != 8) || bytes_ == nullptr || length < (binary_ ? (count + 7) / 8 : count))
      refuse(file, "the segmentation has not as many pixels as it says");
    Uint16 largest = 1;
    if (!binary_) dataset.findAndGetUint16(DCM_MaximumFractionalValue, largest);
    half_ = (largest + 1) / 2;
  }

  bool operator[](std::size_t pixel) const {
    return binary_ ? (bytes_[pixel / 8] >> (pixel % 8) & 1) != 0 : bytes_[pixel] >= half_;
  }

 private:
  const Uint8* bytes_ = nullptr;
  bool binary_ = true;
  int half_ = 1;
};

void draw(const std::vector<Frame>& frames, const Pixels& pixels,
          const std::map<std::size_t, std::uint16_t>& labels_by_number, ReadSegmentation& result) {
  const VolumeGeometry& grid = result.geometry;
  const std::size_t plane = grid.size[0] * grid.size[1];
  result.labels.assign(grid.voxel_count(), 0);
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const auto label = labels_by_number.find(frames[f].segment);
    if (label == labels_by_number.end()) continue;
    const auto slice = static_cast<std::size_t>(std::lround(grid.index(frames[f].position_lps_mm)[2]));
    for (std::size_t p = 0; p < plane; ++p)
      if (pixels[f * plane + p]) {
        result.labels[slice * plane + p] = label->second;
        ++result.segments[label->second - 1u].voxels;
      }
  }
}

}  // namespace

ReadSegmentation read_segmentation(const std::filesystem::path& file) {
  const auto format = read_file(file);
  DcmDataset& dataset = *format->getDataset();
  ReadSegmentation result;
  result.reference = {text_of(dataset, DCM_StudyInstanceUID), text_of(dataset, DCM_SeriesInstanceUID),
                      text_of(dataset, DCM_SOPClassUID), text_of(dataset, DCM_SOPInstanceUID)};
  if (result.reference.sop_class_uid != UID_SegmentationStorage) refuse(file, "is no segmentation");
  result.patient_id = text_of(dataset, DCM_PatientID);
  result.study_date = text_of(dataset, DCM_StudyDate);
  result.frame_of_reference_uid = text_of(dataset, DCM_FrameOfReferenceUID);
  if (DcmItem* series = first_item(dataset, DCM_ReferencedSeriesSequence)) read_source(*series, result);
  read_algorithm(dataset, result);

  DcmSequenceOfItems* items = nullptr;
  if (dataset.findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, items).bad() || items->card() == 0)
    refuse(file, "the segmentation has no frames");
  DcmItem* shared = first_item(dataset, DCM_SharedFunctionalGroupsSequence);
  result.geometry = grid_of(dataset, *items->getItem(0), shared, file);
  const auto frames = frames_of(*items, shared, result.geometry.axes_lps[2], file);
  if (result.geometry.spacing_mm[2] == 0)
    result.geometry.spacing_mm[2] =
        distance_between(frames, group_of(*items->getItem(0), shared, DCM_PixelMeasuresSequence), file);
  span_frames(frames, result.geometry, file);

  std::map<std::size_t, std::uint16_t> labels_by_number;
  for (const auto& [number, description] : segments_of(dataset)) {
    result.segments.push_back(description);
    labels_by_number[number] = static_cast<std::uint16_t>(result.segments.size());
  }
  const std::size_t plane = result.geometry.size[0] * result.geometry.size[1];
  draw(frames, Pixels(dataset, frames.size() * plane, file), labels_by_number, result);
  return result;
}

}  // namespace metserve::dicom
