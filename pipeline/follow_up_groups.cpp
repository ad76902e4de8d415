#include "pipeline/follow_up_groups.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace metserve::pipeline {
namespace {

/// Voxels that a lesion now and a segment before share.
using Overlaps = std::map<std::pair<std::size_t, std::size_t>, std::size_t>;

/// The segment of the earlier study at a place in its patient space, from 1; 0 outside of all.
std::size_t segment_at(const dicom::ReadSegmentation& earlier, const dicom::Vec3& place_lps_mm) {
  const auto voxel = earlier.geometry.voxel_at(earlier.geometry.index(place_lps_mm));
  return voxel ? earlier.labels[*voxel] : 0;
}

/// Steps of about a millimetre within a ball, its centre first.
std::vector<dicom::Vec3> ball(double radius_mm) {
  std::vector<dicom::Vec3> steps{{0, 0, 0}};
  const int reach = static_cast<int>(std::floor(radius_mm));
  for (int z = -reach; z <= reach; ++z)
    for (int y = -reach; y <= reach; ++y)
      for (int x = -reach; x <= reach; ++x)
        if ((x != 0 || y != 0 || z != 0) && x * x + y * y + z * z <= radius_mm * radius_mm)
          steps.push_back({static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
  return steps;
}

/// Overlaps of the lesions for which `wanted` says so, looking around each voxel along `steps`.
template <class Wanted>
void count_overlaps(const LesionMap& map, const dicom::VolumeGeometry& grid,
                    const dicom::ReadSegmentation& earlier, const RigidTransform& to_earlier,
                    const std::vector<dicom::Vec3>& steps, Wanted&& wanted, Overlaps& overlaps) {
  for (std::size_t v = 0; v < map.labels.size(); ++v) {
    if (map.labels[v] == 0) continue;
    const std::size_t lesion = map.labels[v] - 1u;
    if (!wanted(lesion, std::nullopt)) continue;
    const dicom::Vec3 place = to_earlier.apply(grid.centre_lps_mm(v));
    for (const dicom::Vec3& step : steps) {
      const std::size_t segment =
          segment_at(earlier, {place[0] + step[0], place[1] + step[1], place[2] + step[2]});
      if (segment > 0 && wanted(lesion, segment - 1)) ++overlaps[{lesion, segment - 1}];
    }
  }
}

/// Neighbours that touch are not one lesion: where the overlap is a small part of both, the two belong
/// together only if neither has a better partner.
void drop_touching(Overlaps& overlaps, const std::vector<double>& now_mm3,
                   const std::vector<double>& before_mm3, double voxel_mm3) {
  constexpr double least_share = 0.2;  // of the smaller one
  const auto is_strong = [&](const Overlaps::value_type& overlap) {
    const auto& [pair, voxels] = overlap;
    return static_cast<double>(voxels) * voxel_mm3 >=
           least_share * std::min(now_mm3[pair.first], before_mm3[pair.second]);
  };
  std::set<std::size_t> partnered_now, partnered_before;
  for (const auto& overlap : overlaps) {
    if (!is_strong(overlap)) continue;
    partnered_now.insert(overlap.first.first);
    partnered_before.insert(overlap.first.second);
  }
  std::erase_if(overlaps, [&](const auto& overlap) {
    return !is_strong(overlap) &&
           (partnered_now.contains(overlap.first.first) || partnered_before.contains(overlap.first.second));
  });
}

std::vector<double> volumes_mm3(const LesionMap& map) {
  std::vector<double> volumes;
  for (const Lesion& lesion : map.lesions) volumes.push_back(lesion.volume_mm3);
  return volumes;
}

std::vector<double> volumes_mm3(const dicom::ReadSegmentation& segmentation) {
  std::vector<double> volumes;
  for (const auto& segment : segmentation.segments)
    volumes.push_back(static_cast<double>(segment.voxels) * segmentation.geometry.voxel_volume_mm3());
  return volumes;
}

/// Sets of things that belong together, each named by one of its members.
class Sets {
 public:
  explicit Sets(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0u); }
  std::size_t find(std::size_t member) {
    while (parent_[member] != member) member = parent_[member] = parent_[parent_[member]];
    return member;
  }
  void join(std::size_t a, std::size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parent_;
};

std::vector<LesionGroup> groups_of(const Overlaps& overlaps, std::size_t now, std::size_t before) {
  Sets sets(now + before);
  for (const auto& [pair, voxels] : overlaps) sets.join(pair.first, now + pair.second);
  std::map<std::size_t, LesionGroup> by_set;
  for (std::size_t n = 0; n < now; ++n) by_set[sets.find(n)].now.push_back(n);
  for (std::size_t n = 0; n < before; ++n) by_set[sets.find(now + n)].before.push_back(n);
  std::vector<LesionGroup> groups;
  groups.reserve(by_set.size());
  for (auto& [set, group] : by_set) groups.push_back(std::move(group));
  return groups;
}

/// The largest overlap first, each lesion and each segment once.
std::vector<std::optional<std::size_t>> identities(const Overlaps& overlaps, std::size_t now,
                                                   std::size_t before) {
  std::vector<std::pair<std::size_t, std::pair<std::size_t, std::size_t>>> by_size;
  for (const auto& [pair, voxels] : overlaps) by_size.emplace_back(voxels, pair);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::optional<std::size_t>> identity(now);
  std::vector<bool> taken(before, false);
  for (const auto& [voxels, pair] : by_size) {
    if (identity[pair.first] || taken[pair.second]) continue;
    identity[pair.first] = pair.second;
    taken[pair.second] = true;
  }
  return identity;
}

}  // namespace

LesionLinks link_lesions(const LesionMap& map, const dicom::VolumeGeometry& grid,
                         const dicom::ReadSegmentation& earlier, const RigidTransform& to_earlier,
                         double tolerance_mm) {
  const std::size_t now = map.lesions.size(), before = earlier.segments.size();
  Overlaps overlaps;
  count_overlaps(
      map, grid, earlier, to_earlier, {{0, 0, 0}},
      [](std::size_t, std::optional<std::size_t>) { return true; }, overlaps);
  drop_touching(overlaps, volumes_mm3(map), volumes_mm3(earlier), grid.voxel_volume_mm3());
  std::vector<bool> met_now(now, false), met_before(before, false);
  for (const auto& [pair, voxels] : overlaps) met_now[pair.first] = met_before[pair.second] = true;
  count_overlaps(
      map, grid, earlier, to_earlier, ball(tolerance_mm),
      [&](std::size_t lesion, std::optional<std::size_t> segment) {
        return !met_now[lesion] && !(segment && met_before[*segment]);
      },
      overlaps);
  return {groups_of(overlaps, now, before), identities(overlaps, now, before)};
}

}  // namespace metserve::pipeline
