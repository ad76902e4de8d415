#include "pipeline/follow_up_earlier.h"

#include <charconv>
#include <set>
#include <string_view>
#include <system_error>

#include "dicom/part10.h"

namespace metserve::pipeline {
namespace {

/// The number in GTV_MET_07; 0 for another name, or a number that no patient's lesions reach.
int number_in(const std::string& tracking_id) {
  constexpr std::string_view prefix = "GTV_MET_";
  if (!tracking_id.starts_with(prefix)) return 0;
  const char* const end = tracking_id.data() + tracking_id.size();
  int number = 0;
  const auto parsed = std::from_chars(tracking_id.data() + prefix.size(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end && number > 0 && number < 100000 ? number : 0;
}

bool is_inside(const dicom::VolumeGeometry& grid, const dicom::Vec3& place_lps_mm) {
  const dicom::Vec3 index = grid.index(place_lps_mm);
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (!(index[axis] >= -0.5 && index[axis] < static_cast<double>(grid.size[axis]) - 0.5)) return false;
  return true;
}

}  // namespace

std::vector<EarlierLesion> earlier_lesions(const dicom::ReadSegmentation& earlier) {
  std::vector<EarlierLesion> lesions(earlier.segments.size());
  std::set<int> numbers;
  for (const auto& segment : earlier.segments) numbers.insert(number_in(segment.tracking_id));
  // Another program's names, or ours that were edited: then the segments' order counts.
  const bool ours = numbers.size() == lesions.size() && !numbers.contains(0);
  for (std::size_t n = 0; n < lesions.size(); ++n) {
    const auto& segment = earlier.segments[n];
    lesions[n].number = ours ? number_in(segment.tracking_id) : static_cast<int>(n + 1);
    lesions[n].volume_mm3 = static_cast<double>(segment.voxels) * earlier.geometry.voxel_volume_mm3();
    lesions[n].name =
        segment.tracking_id.empty() ? dicom::lesion_name(lesions[n].number) : segment.tracking_id;
    if (dicom::is_valid_uid(segment.tracking_uid)) lesions[n].tracking_uid = segment.tracking_uid;
  }
  return lesions;
}

std::vector<Seen> seen_within(const dicom::VolumeGeometry& images, const std::vector<std::uint16_t>& labels,
                              std::size_t lesions, const dicom::VolumeGeometry& own,
                              const RigidTransform& to_images) {
  std::vector<Seen> seen(lesions);
  for (std::size_t v = 0; v < labels.size(); ++v) {
    if (labels[v] == 0) continue;
    Seen& lesion = seen[labels[v] - 1u];
    ++lesion.voxels;
    if (is_inside(images, to_images.apply(own.centre_lps_mm(v)))) ++lesion.within;
  }
  return seen;
}

}  // namespace metserve::pipeline
