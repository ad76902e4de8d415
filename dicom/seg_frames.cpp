#include "dicom/seg_frames.h"

#include <limits>
#include <string>

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

std::vector<SegmentFrame> list_frames(const LesionVoxels& voxels, std::size_t voxels_per_slice) {
  std::vector<SegmentFrame> frames;
  for (std::size_t lesion = 0; lesion < voxels.size(); ++lesion)
    for (std::size_t begin = 0; begin < voxels[lesion].size();) {
      const std::size_t slice = voxels[lesion][begin] / voxels_per_slice;
      std::size_t end = begin;
      while (end < voxels[lesion].size() && voxels[lesion][end] < (slice + 1) * voxels_per_slice) ++end;
      frames.push_back({lesion, slice, begin, end});
      begin = end;
    }
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
