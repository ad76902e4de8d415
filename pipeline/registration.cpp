#include "pipeline/registration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "pipeline/box_average.h"
#include "pipeline/error.h"
#include "pipeline/head.h"
#include "pipeline/registration_metric.h"
#include "pipeline/registration_samples.h"

namespace metserve::pipeline {

namespace {

/// Coarse to fine: box edge of the averaged images, and where how many points are compared.
struct Level {
  double edge_mm;
  std::size_t points;
  double margin_mm;  ///< negative: all over the volume, which widens the capture range
};
constexpr std::array<Level, 3> levels{Level{8, 8000, -1}, Level{4, 8000, 6}, Level{1, 16000, 6}};
constexpr std::size_t judged_level = 1;         ///< where the result is compared with its surroundings
constexpr double least_initial_overlap = 0.05;  ///< with less there is nothing to start from

using Pyramid = std::array<dicom::Volume, levels.size()>;

Pyramid make_pyramid(const dicom::Volume& volume) {
  Pyramid pyramid;
  const dicom::Volume* finer = &volume;
  for (std::size_t level = levels.size(); level-- > 0;) {
    pyramid[level] = box_average(*finer, box_of(finer->geometry, levels[level].edge_mm));
    finer = &pyramid[level];
  }
  return pyramid;
}

RigidTransform to_rigid(const VersorTransform& transform) {
  RigidTransform result;
  const auto& versor = transform.GetVersor();
  const double x = versor.GetX();
  const double y = versor.GetY();
  const double z = versor.GetZ();
  const double w = std::sqrt(std::max(0.0, 1 - x * x - y * y - z * z));
  result.rotation = {1 - 2 * (y * y + z * z), 2 * (x * y - z * w),     2 * (x * z + y * w),
                     2 * (x * y + z * w),     1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
                     2 * (x * z - y * w),     2 * (y * z + x * w),     1 - 2 * (x * x + y * y)};
  const auto centre = transform.GetCenter();
  const auto shift = transform.GetTranslation();
  const dicom::Vec3 turned = result.apply({centre[0], centre[1], centre[2]});
  for (unsigned c = 0; c < 3; ++c)
    result.translation_mm[c] = static_cast<double>(centre[c]) + static_cast<double>(shift[c]) - turned[c];
  return result;
}

double information(MattesMetric* metric) {
  return -static_cast<double>(metric->GetValue());
}

/// Mean mutual information 10 mm and 8 degrees to both sides along and about each axis.
double information_around(MattesMetric* metric, VersorTransform* transform) {
  const VersorTransform::ParametersType best = transform->GetParameters();
  const float half_turn = static_cast<float>(std::sin(4.0 * std::numbers::pi / 180));
  double sum = 0;
  for (unsigned parameter = 0; parameter < 6; ++parameter)
    for (const float side : {-1.0F, 1.0F}) {
      VersorTransform::ParametersType moved = best;
      moved[parameter] += side * (parameter < 3 ? half_turn : 10.0F);
      transform->SetParameters(moved);
      sum += information(metric);
    }
  transform->SetParameters(best);
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

double RigidTransform::rotation_deg() const {
  const double cosine = 0.5 * (rotation[0] + rotation[4] + rotation[8] - 1);
  return std::acos(std::clamp(cosine, -1.0, 1.0)) * 180 / std::numbers::pi;
}

struct RegistrationTarget::Impl {
  RegistrationOptions options;
  Head head;
  std::array<RegistrationImage::Pointer, levels.size()> images;
  std::array<std::vector<dicom::Vec3>, levels.size()> points;

  double overlap(const RigidTransform& transform, const dicom::VolumeGeometry& moving) const;
  VersorTransform::Pointer identity() const;
  void search(const Pyramid& moving, VersorTransform& transform, Registration& result) const;
};

/// Share of the fixed head's sample points that land inside the moving image.
double RegistrationTarget::Impl::overlap(const RigidTransform& transform,
                                         const dicom::VolumeGeometry& moving) const {
  std::size_t inside = 0;
  for (const dicom::Vec3& point : points[judged_level]) {
    const dicom::Vec3 ijk = moving.index(transform.apply(point));
    bool within = true;
    for (std::size_t axis = 0; axis < 3; ++axis)
      within = within && ijk[axis] >= -0.5 && ijk[axis] <= static_cast<double>(moving.size[axis]) - 0.5;
    inside += within;
  }
  return static_cast<double>(inside) / static_cast<double>(points[judged_level].size());
}

/// Turns are about the head's centroid, so that they move it as little as may be.
VersorTransform::Pointer RegistrationTarget::Impl::identity() const {
  auto transform = VersorTransform::New();
  VersorTransform::InputPointType centre;
  for (unsigned c = 0; c < 3; ++c) centre[c] = static_cast<float>(head.centroid_lps_mm[c]);
  transform->SetCenter(centre);
  return transform;
}

/// Coarse to fine, then what the images say of the result.
void RegistrationTarget::Impl::search(const Pyramid& moving, VersorTransform& transform,
                                      Registration& result) const {
  RegistrationImage::Pointer judged;
  for (std::size_t level = 0; level < levels.size(); ++level) {
    const auto image = to_itk(moving[level]);
    const auto metric = make_metric(images[level], to_itk(points[level]), image, &transform);
    optimise(metric, &transform, levels[level].edge_mm);
    if (level == judged_level) judged = image;
  }
  const auto metric = make_metric(images[judged_level], to_itk(points[judged_level]), judged, &transform);
  const VersorTransform::ParametersType found = transform.GetParameters();
  transform.SetParameters(identity()->GetParameters());
  result.initial_mutual_information = information(metric);
  transform.SetParameters(found);
  result.mutual_information = information(metric);
  result.distinctness = result.mutual_information - information_around(metric, &transform);
}

RegistrationTarget::RegistrationTarget(const dicom::Volume& fixed, const RegistrationOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  const Pyramid pyramid = make_pyramid(fixed);
  impl_->head = find_head(pyramid[judged_level], options.neck_cut_mm);
  for (std::size_t level = 0; level < levels.size(); ++level) {
    impl_->images[level] = to_itk(pyramid[level]);
    impl_->points[level] =
        sample_points(pyramid[judged_level], impl_->head,
                      {levels[level].points, levels[level].margin_mm, options.neck_cut_mm});
  }
}

RegistrationTarget::~RegistrationTarget() = default;
RegistrationTarget::RegistrationTarget(RegistrationTarget&&) noexcept = default;
RegistrationTarget& RegistrationTarget::operator=(RegistrationTarget&&) noexcept = default;

Registration RegistrationTarget::align(const dicom::Volume& moving) const {
  Registration result;
  result.overlap = impl_->overlap(result.fixed_to_moving, moving.geometry);
  if (result.overlap >= least_initial_overlap) {
    const auto transform = impl_->identity();
    try {
      impl_->search(make_pyramid(moving), *transform, result);
    } catch (const itk::ExceptionObject& e) {
      throw Error(Error::Kind::bad_input, std::string("mutual information failed: ") + e.GetDescription());
    }
    result.fixed_to_moving = to_rigid(*transform);
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
