#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dicom/results.h"

namespace metserve::dicom {

/// Flat voxel indices of each lesion, in rising order: voxels[n] belongs to lesion n + 1.
using LesionVoxels = std::vector<std::vector<std::size_t>>;

/// One slice of one lesion: voxels[lesion][begin, end) lie in it, or none.
struct SegmentFrame {
  std::size_t lesion, slice, begin, end;
};

/// One pass over `labels` ([slices, rows, columns] of the reference). Throws Error(bad_input), naming the
/// series, when labels and lesions contradict each other or there is no lesion.
LesionVoxels collect_voxels(const ResultContext& context, std::span<const std::uint16_t> labels);

/// Frames that hold voxels, by lesion and slice (with `all` every slice of every lesion); and a few empty
/// ones where some readers would take the length of the packed bits for another packing.
std::vector<SegmentFrame> list_frames(const LesionVoxels& voxels, std::size_t voxels_per_slice,
                                      std::size_t slices, bool all);

/// Bits of all frames one after the other without padding between them, the first pixel in the least
/// significant bit (PS3.5 8.1.1 and annex D.4), an even number of bytes. Throws Error(bad_input) above 4 GiB.
std::vector<std::uint8_t> pack_bits(const std::vector<SegmentFrame>& frames, const LesionVoxels& voxels,
                                    std::size_t voxels_per_slice);

}  // namespace metserve::dicom
