#include <algorithm>
#include <cstdio>
#include <limits>

#include "dicom/error.h"
#include "dicom/results.h"
#include "dicom/results_colour.h"
#include "dicom/results_dataset.h"
#include "dicom/seg_document.h"
#include "dicom/seg_frames.h"

namespace metserve::dicom {
namespace {

SegmentText segment_text(const ResultContext& context, const LesionDescription& lesion) {
  char description[96];
  std::snprintf(description, sizeof description, "%.0f mm3, longest diameter %.1f mm, mean probability %.2f",
                lesion.volume_mm3, lesion.longest_diameter_mm, lesion.mean_probability);
  return {"Metastasis " + std::to_string(lesion.number), description, lesion_colour(lesion.number),
          lesion_name(lesion.number), tracking_uid(context, lesion)};
}

std::size_t voxels_per_slice(const LoadedSeries& reference) {
  return reference.volume.geometry.size[0] * reference.volume.geometry.size[1];
}

/// Frames of a probability map: those that hold anything; all of them where none does, or where all are
/// wanted.
std::vector<SegmentFrame> probability_frames(std::span<const std::uint8_t> values, std::size_t slices,
                                             bool all) {
  const std::size_t plane = values.size() / slices;
  std::vector<SegmentFrame> frames;
  for (std::size_t slice = 0; slice < slices; ++slice) {
    const auto pixels = values.subspan(slice * plane, plane);
    if (all || std::any_of(pixels.begin(), pixels.end(), [](std::uint8_t value) { return value != 0; }))
      frames.push_back({0, slice, slice * plane, (slice + 1) * plane});
  }
  return frames.empty() ? probability_frames(values, slices, true) : frames;
}

}  // namespace

void write_segmentation(const ResultContext& context, std::span<const std::uint16_t> labels,
                        const std::filesystem::path& file) {
  require_consistent(context);
  const std::size_t plane = voxels_per_slice(context.reference);
  const LesionVoxels voxels = collect_voxels(context, labels);
  auto frames = list_frames(voxels, plane, context.reference.slices.size(), context.all_frames);
  auto pixels = pack_bits(frames, voxels, plane);
  SegmentationText text{segmentation_identity,
                        SegmentationValues::binary,
                        "METASTASES",
                        "Brain metastases, AI, research use only",
                        {},
                        context.supersedes.segmentation};
  for (const LesionDescription& lesion : context.lesions)
    text.segments.push_back(segment_text(context, lesion));
  write_segmentation_document(context, text, {std::move(frames), std::move(pixels)}, file);
}

void write_probability_map(const ResultContext& context, std::span<const std::uint8_t> values,
                           const std::filesystem::path& file) {
  require_consistent(context);
  const std::size_t voxels = context.reference.volume.geometry.voxel_count();
  if (values.size() != voxels || voxels == 0 || voxels >= std::numeric_limits<std::uint32_t>::max() - 1)
    throw Error(Error::Kind::bad_input,
                "probabilities of " + std::to_string(values.size()) + " voxels do not fit series " +
                    context.reference.header.series_instance_uid + " with " + std::to_string(voxels));
  auto frames = probability_frames(values, context.reference.slices.size(), context.all_frames);
  std::vector<std::uint8_t> pixels;
  pixels.reserve(frames.size() * voxels_per_slice(context.reference) + 1);
  for (const SegmentFrame& frame : frames)
    pixels.insert(pixels.end(), values.begin() + static_cast<std::ptrdiff_t>(frame.begin),
                  values.begin() + static_cast<std::ptrdiff_t>(frame.end));
  if (pixels.size() % 2 != 0) pixels.push_back(0);
  const SegmentationText text{
      probability_identity,
      SegmentationValues::probability,
      "PROBABILITY",
      "Probability of brain metastases, AI, research use only",
      {{"Metastasis probability", "255 is the probability 1", lesion_colour(1), {}, {}}},
      context.supersedes.probability};
  write_segmentation_document(context, text, {std::move(frames), std::move(pixels)}, file);
}

}  // namespace metserve::dicom
