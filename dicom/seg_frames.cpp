#include "dicom/seg_frames.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "dicom/error.h"

namespace metserve::dicom {

LesionVoxels collect_voxels(const ResultContext& context, std::span<const std::uint16_t> labels) {
  const std::string& series = context.reference.header.series_instance_uid;
  const VolumeGeometry& geometry = context.reference.volume.geometry;
  if (labels.size() != geometry.voxel_count())
    throw Error(Error::Kind::bad_input, "label map of " + std::to_string(labels.size()) +
                                            " voxels does not fit series " + series + " with " +
                                            std::to_string(geometry.voxel_count()));
  LesionVoxels voxels(context.lesions.size());
  for (std::size_t v = 0; v < labels.size(); ++v) {
    if (labels[v] == 0) continue;
    if (labels[v] > voxels.size())
      throw Error(Error::Kind::bad_input, "label " + std::to_string(labels[v]) + " on series " + series +
                                              " has no lesion: there are " + std::to_string(voxels.size()));
    voxels[labels[v] - 1u].push_back(v);
  }
  for (std::size_t lesion = 0; lesion < voxels.size(); ++lesion)
    if (voxels[lesion].empty())
      throw Error(Error::Kind::bad_input, "lesion " + std::to_string(lesion + 1) + " on series " + series +
                                              " has no voxel in the label map");
  if (voxels.empty())
    throw Error(Error::Kind::bad_input, "no lesion on series " + series + ": there is nothing to segment");
  return voxels;
}

namespace {

/// Frames of one lesion that hold voxels.
void append_frames(const std::vector<std::size_t>& voxels, std::size_t lesion, std::size_t voxels_per_slice,
                   std::vector<SegmentFrame>& frames) {
  for (std::size_t begin = 0; begin < voxels.size();) {
    const std::size_t slice = voxels[begin] / voxels_per_slice;
    std::size_t end = begin;
    while (end < voxels.size() && voxels[end] < (slice + 1) * voxels_per_slice) ++end;
    frames.push_back({lesion, slice, begin, end});
    begin = end;
  }
}

/// cornerstone's decoder (5.14, OHIF) takes packed bits by their length alone: for frames that end at byte
/// boundaries, or for frames without anything between them and no padding at the end.
bool length_is_unmistakable(std::size_t frames, std::size_t voxels_per_slice) {
  const std::size_t bytes = (frames * voxels_per_slice + 7) / 8;
  const std::size_t padded_frames = (voxels_per_slice + 7) / 8 * frames;
  return bytes % 2 == 0 && (voxels_per_slice % 8 == 0 || bytes != padded_frames);
}

/// How many frames have to be added to so many for that.
std::size_t unmistakable_frames(std::size_t frames, std::size_t voxels_per_slice) {
  constexpr std::size_t most = 15;  // sixteen frames of any size fill whole pairs of bytes
  std::size_t more = 0;
  while (more < most && !length_is_unmistakable(frames + more, voxels_per_slice)) ++more;
  return more;
}

/// Of slices that a lesion does not reach: an empty frame says nothing that is not true. The last lesion's
/// first.
void add_empty_frames(std::size_t lesions, std::size_t slices, std::size_t more,
                      std::vector<SegmentFrame>& frames) {
  auto filled = frames.rbegin();  // by falling lesion and slice
  std::vector<SegmentFrame> empty;
  for (std::size_t lesion = lesions; lesion-- > 0 && empty.size() < more;)
    for (std::size_t slice = slices; slice-- > 0 && empty.size() < more;) {
      if (filled != frames.rend() && filled->lesion == lesion && filled->slice == slice)
        ++filled;
      else
        empty.push_back({lesion, slice, 0, 0});
    }
  const auto middle = frames.insert(frames.end(), empty.rbegin(), empty.rend());
  std::inplace_merge(frames.begin(), middle, frames.end(), [](const auto& a, const auto& b) {
    return std::pair(a.lesion, a.slice) < std::pair(b.lesion, b.slice);
  });
}

}  // namespace

std::vector<SegmentFrame> list_frames(const LesionVoxels& voxels, std::size_t voxels_per_slice,
                                      std::size_t slices, bool all) {
  std::vector<SegmentFrame> frames;
  for (std::size_t lesion = 0; lesion < voxels.size(); ++lesion)
    append_frames(voxels[lesion], lesion, voxels_per_slice, frames);
  const std::size_t more =
      all ? voxels.size() * slices - frames.size() : unmistakable_frames(frames.size(), voxels_per_slice);
  add_empty_frames(voxels.size(), slices, more, frames);
  return frames;
}

std::vector<std::uint8_t> pack_bits(const std::vector<SegmentFrame>& frames, const LesionVoxels& voxels,
                                    std::size_t voxels_per_slice) {
  const std::size_t bytes = (frames.size() * voxels_per_slice + 7) / 8;
  if (bytes >= std::numeric_limits<std::uint32_t>::max() - 1)
    throw Error(Error::Kind::bad_input,
                std::to_string(frames.size()) + " frames do not fit one segmentation");
  std::vector<std::uint8_t> packed(bytes + bytes % 2, 0);
  for (std::size_t f = 0; f < frames.size(); ++f)
    for (std::size_t n = frames[f].begin; n < frames[f].end; ++n) {
      const std::size_t pixel = voxels[frames[f].lesion][n] - frames[f].slice * voxels_per_slice;
      const std::size_t bit = f * voxels_per_slice + pixel;
      packed[bit / 8] = static_cast<std::uint8_t>(packed[bit / 8] | (1u << (bit % 8)));
    }
  return packed;
}

}  // namespace metserve::dicom
