#include "pipeline/lesions_lost.h"

#include <array>
#include <cstdio>
#include <vector>

#include "models/components.h"
#include "models/dropped_components.h"
#include "models/log_odds.h"

namespace metserve::pipeline {
namespace {

/// A component of the network's map.
struct Found {
  double voxels = 0;
  dicom::Vec3 sum_lps_mm{};
  bool shown = false;
};

std::vector<Found> found_on(const torch::Tensor& log_odds, const dicom::VolumeGeometry& grid,
                            const models::LesionRule& rule, const LesionMap& map,
                            const dicom::VolumeGeometry& reference) {
  const torch::Tensor lesions = models::without_dropped_components(log_odds, rule, grid.spacing_mm);
  const models::Components parts = models::label_components(lesions.ge(models::log_odds_of(rule.threshold)));
  const auto places = parts.places.accessor<std::int64_t, 1>();
  const auto part = parts.part.accessor<std::int64_t, 1>();
  std::vector<Found> found(parts.voxels.size());
  for (std::int64_t i = 0; i < places.size(0); ++i) {
    const dicom::Vec3 point = grid.centre_lps_mm(static_cast<std::size_t>(places[i]));
    Found& own = found[static_cast<std::size_t>(part[i])];
    own.voxels += 1;
    for (std::size_t axis = 0; axis < 3; ++axis) own.sum_lps_mm[axis] += point[axis];
    const auto at = reference.voxel_at(reference.index(point));
    own.shown = own.shown || (at && map.labels[*at] != 0);
  }
  return found;
}

}  // namespace

std::string warning_of_lost(const torch::Tensor& log_odds, const dicom::VolumeGeometry& grid,
                            const models::LesionRule& rule, const LesionMap& map,
                            const dicom::VolumeGeometry& reference) {
  models::LesionRule certain = rule;
  certain.minimum_volume_mm3 *= 2;
  int lost = 0;
  const std::vector<Found> found = found_on(log_odds, grid, certain, map, reference);
  const Found* largest = nullptr;
  for (const Found& one : found) {
    if (one.shown) continue;
    ++lost;
    if (largest == nullptr || one.voxels > largest->voxels) largest = &one;
  }
  if (largest == nullptr) return "";
  dicom::Vec3 centre_mm = largest->sum_lps_mm;
  for (double& part : centre_mm) part /= largest->voxels;
  const std::string what =
      lost == 1 ? "1 lesion that was found" : std::to_string(lost) + " lesions that were found";
  std::array<char, 120> where{};
  std::snprintf(where.data(), where.size(), "%.0f mm3 around (%.0f, %.0f, %.0f) mm, LPS",
                largest->voxels * grid.voxel_volume_mm3(), centre_mm[0], centre_mm[1], centre_mm[2]);
  return what +
         " cannot be drawn on the reference, whose slices are too thick for it or do not reach it: not in "
         "the results, " +
         (lost == 1 ? "look at " : "the largest is ") + where.data();
}

}  // namespace metserve::pipeline
