#include "pipeline/registration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "pipeline/box_average.h"
#include "pipeline/error.h"
#include "pipeline/head.h"
#include "pipeline/mutual_information.h"
#include "pipeline/registration_samples.h"
#include "pipeline/registration_search.h"

namespace metserve::pipeline {

namespace {

/// Coarse to fine: box edge of the averaged images, and where how many points are compared.
struct Level {
  double edge_mm;
  std::size_t points;
  double margin_mm;  ///< negative: all over the volume, which widens the capture range
};
constexpr std::array<Level, 3> levels{Level{8, 16000, -1}, Level{4, 8000, 6}, Level{1, 20000, 6}};
constexpr std::size_t judged_level = 1;         ///< where the result is compared with its surroundings
constexpr double least_initial_overlap = 0.05;  ///< with less there is nothing to start from

/// Averages of a volume, one for each level. Keeps a reference to the volume: an average over single voxels
/// is no copy.
class Pyramid {
 public:
  explicit Pyramid(const dicom::Volume& volume) : volume_(volume) {
    for (std::size_t level = levels.size(); level-- > 0;) {
      const dicom::Volume& finer = level + 1 < levels.size() ? (*this)[level + 1] : volume;
      const auto box = box_of(finer.geometry, levels[level].edge_mm);
      if (box != std::array<std::size_t, 3>{1, 1, 1}) averaged_[level] = box_average(finer, box);
    }
  }

  const dicom::Volume& operator[](std::size_t level) const {
    while (level < levels.size() && averaged_[level].voxels.empty()) ++level;
    return level < levels.size() ? averaged_[level] : volume_;
  }

 private:
  const dicom::Volume& volume_;
  std::array<dicom::Volume, levels.size()> averaged_;  ///< empty: as the next finer one
};

/// Mean mutual information 10 mm and 8 degrees to both sides along and about each axis.
double information_around(MutualInformation& information, const RigidTransform& found,
                          const dicom::Vec3& centre_lps_mm) {
  const double turn = std::tan(4.0 * std::numbers::pi / 180);
  double sum = 0;
  for (std::size_t n = 0; n < 6; ++n)
    for (const double side : {-1.0, 1.0}) {
      Vector6 by{};
      by[n] = side * (n < 3 ? turn : 10.0);
      sum += information.at(moved(found, centre_lps_mm, by));
    }
  return sum / 12;
}

std::string refusal(const Registration& result, const RegistrationOptions& options) {
  std::array<char, 160> text{};
  const double degrees = result.fixed_to_moving.rotation_deg();
  if (result.overlap < options.smallest_overlap)
    std::snprintf(text.data(), text.size(), "only %.0f %% of the reference's head lies within it",
                  100 * result.overlap);
  else if (degrees > options.largest_rotation_deg || result.displacement_mm > options.largest_translation_mm)
    std::snprintf(text.data(), text.size(), "a motion of %.0f degrees and %.0f mm is not plausible", degrees,
                  result.displacement_mm);
  else if (result.distinctness < options.smallest_distinctness)
    std::snprintf(text.data(), text.size(),
                  "its images match the reference's no better there than elsewhere (%.3f nats above the "
                  "surroundings, at least %.3f wanted)",
                  result.distinctness, options.smallest_distinctness);
  return text.data();
}

}  // namespace

dicom::Vec3 RigidTransform::apply(const dicom::Vec3& fixed_lps_mm) const {
  dicom::Vec3 moving = translation_mm;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      moving[row] += rotation[3 * row + column] * fixed_lps_mm[column];
  return moving;
}

RigidTransform RigidTransform::inverse() const {
  RigidTransform back;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) back.rotation[3 * i + j] = rotation[3 * j + i];
  const dicom::Vec3 origin = back.apply(translation_mm);
  for (std::size_t i = 0; i < 3; ++i) back.translation_mm[i] = -origin[i];
  return back;
}

double RigidTransform::rotation_deg() const {
  const double cosine = 0.5 * (rotation[0] + rotation[4] + rotation[8] - 1);
  return std::acos(std::clamp(cosine, -1.0, 1.0)) * 180 / std::numbers::pi;
}

struct RegistrationTarget::Impl {
  RegistrationOptions options;
  Head head;
  std::vector<FixedSamples> samples;  ///< of each level

  double overlap(const RigidTransform& transform, const dicom::VolumeGeometry& moving) const;
  void find(const Pyramid& moving, Registration& result) const;
};

/// Share of the fixed head's sample points that land inside the moving image.
double RegistrationTarget::Impl::overlap(const RigidTransform& transform,
                                         const dicom::VolumeGeometry& moving) const {
  const std::vector<dicom::Vec3>& points = samples[judged_level].points_lps_mm;
  std::size_t inside = 0;
  for (const dicom::Vec3& point : points) {
    const dicom::Vec3 ijk = moving.index(transform.apply(point));
    bool within = true;
    for (std::size_t axis = 0; axis < 3; ++axis)
      within = within && ijk[axis] >= -0.5 && ijk[axis] <= static_cast<double>(moving.size[axis]) - 0.5;
    inside += within;
  }
  return static_cast<double>(inside) / static_cast<double>(points.size());
}

/// Coarse to fine, then what the images say of the result.
void RegistrationTarget::Impl::find(const Pyramid& moving, Registration& result) const {
  RigidTransform found;
  for (std::size_t level = 0; level < levels.size(); ++level) {
    MutualInformation information(samples[level], moving[level], intensity_range(moving[level]));
    found = search(information, samples[level], found, {head.centroid_lps_mm, levels[level].edge_mm});
  }
  const dicom::Volume& judged = moving[judged_level];
  MutualInformation information(samples[judged_level], judged, intensity_range(judged));
  result.initial_mutual_information = information.at(RigidTransform{});
  result.mutual_information = information.at(found);
  result.distinctness =
      result.mutual_information - information_around(information, found, head.centroid_lps_mm);
  result.fixed_to_moving = found;
}

RegistrationTarget::RegistrationTarget(const dicom::Volume& fixed, const RegistrationOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  const Pyramid pyramid(fixed);
  impl_->head = find_head(pyramid[judged_level], options.neck_cut_mm);
  for (std::size_t level = 0; level < levels.size(); ++level)
    impl_->samples.emplace_back(
        pyramid[level], intensity_range(pyramid[level]),
        sample_points(pyramid[judged_level], impl_->head,
                      {levels[level].points, levels[level].margin_mm, options.neck_cut_mm}));
}

RegistrationTarget::~RegistrationTarget() = default;
RegistrationTarget::RegistrationTarget(RegistrationTarget&&) noexcept = default;
RegistrationTarget& RegistrationTarget::operator=(RegistrationTarget&&) noexcept = default;

Registration RegistrationTarget::align(const dicom::Volume& moving) const {
  Registration result;
  result.overlap = impl_->overlap(result.fixed_to_moving, moving.geometry);
  if (result.overlap >= least_initial_overlap) {
    impl_->find(Pyramid(moving), result);
    result.overlap = impl_->overlap(result.fixed_to_moving, moving.geometry);
  }
  const dicom::Vec3& centre = impl_->head.centroid_lps_mm;
  const dicom::Vec3 moved = result.fixed_to_moving.apply(centre);
  result.displacement_mm = std::hypot(moved[0] - centre[0], moved[1] - centre[1], moved[2] - centre[2]);
  result.reason = refusal(result, impl_->options);
  result.accepted = result.reason.empty();
  return result;
}

Registration register_rigid(const dicom::Volume& fixed, const dicom::Volume& moving,
                            const RegistrationOptions& options) {
  return RegistrationTarget(fixed, options).align(moving);
}

}  // namespace metserve::pipeline
