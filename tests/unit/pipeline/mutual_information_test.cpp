#include "pipeline/mutual_information.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <itkAffineTransform.h>
#include <itkImage.h>
#include <itkMattesMutualInformationImageToImageMetricv4.h>

#include "pipeline/error.h"
#include "pipeline/registration_search.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/phantom.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;

namespace {

using Image = itk::Image<float, 3>;
using Affine = itk::AffineTransform<double, 3>;
using Mattes = itk::MattesMutualInformationImageToImageMetricv4<Image, Image>;

/// An oblique grid of three different spacings, about centred on the origin.
dicom::VolumeGeometry oblique_grid() {
  dicom::VolumeGeometry geometry;
  geometry.size = {25, 23, 18};
  geometry.spacing_mm = {0.9, 1.5, 3};
  geometry.axes_lps = {dicom::Vec3{0.8, 0.6, 0}, dicom::Vec3{-0.6, 0.8, 0}, dicom::Vec3{0, 0, 1}};
  geometry.origin_lps_mm = {1, -20, -26};
  return geometry;
}

/// `intensity` of LPS mm on that grid.
template <typename Intensity>
dicom::Volume oblique_volume(Intensity intensity) {
  dicom::Volume volume{oblique_grid(), {}};
  const auto& size = volume.geometry.size;
  for (std::size_t k = 0; k < size[2]; ++k)
    for (std::size_t j = 0; j < size[1]; ++j)
      for (std::size_t i = 0; i < size[0]; ++i)
        volume.voxels.push_back(static_cast<float>(intensity(volume.geometry.lps_mm(
            {static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}))));
  return volume;
}

double waves(const dicom::Vec3& p) {
  return 400 + 200 * std::sin(0.31 * p[0] + 0.1 * p[2]) * std::cos(0.23 * p[1]) + 90 * std::sin(0.17 * p[2]);
}

double other_waves(const dicom::Vec3& p) {
  const double x = waves({p[0] + 1, p[1] - 0.5, p[2] + 2});
  return 1000 - x + 2e-3 * (x - 380) * (x - 380);
}

double ramp(const dicom::Vec3& p) {
  return 300 + 3 * p[0] - 2 * p[1] + 1.5 * p[2];
}

IntensityRange range_of(const std::vector<float>& intensities) {
  const auto [low, high] = std::minmax_element(intensities.begin(), intensities.end());
  return {*low, *high};
}

/// Of the voxels nearest to the points, which is what ITK's histogram spans for the fixed image.
IntensityRange range_at(const dicom::Volume& volume, const std::vector<dicom::Vec3>& points) {
  std::vector<float> intensities;
  for (const dicom::Vec3& point : points) {
    const dicom::Vec3 ijk = volume.geometry.index(point);
    std::array<std::size_t, 3> at{};
    bool inside = true;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      at[axis] = static_cast<std::size_t>(std::max(0L, std::lround(ijk[axis])));
      inside = inside && ijk[axis] >= -0.5 && at[axis] < volume.geometry.size[axis];
    }
    const auto& size = volume.geometry.size;
    if (inside) intensities.push_back(volume.voxels[(at[2] * size[1] + at[1]) * size[0] + at[0]]);
  }
  return range_of(intensities);
}

/// 3,000 in a cube about the origin. Exact as float, which is how ITK keeps them.
std::vector<dicom::Vec3> scattered_points(double half_edge_mm) {
  std::mt19937 random(7);
  std::vector<dicom::Vec3> points(3000);
  for (dicom::Vec3& point : points)
    for (double& c : point) c = half_edge_mm * (static_cast<double>(random() % 4096) / 2048 - 1);
  return points;
}

/// A small turn, shear and slide.
RigidTransform some_map() {
  RigidTransform transform = motion_about({2, 1, 0}, {3, -2, 4}, {0.7, -1.2, 1.9});
  transform.rotation[1] += 0.01;
  return transform;
}

Image::Pointer to_itk(const dicom::Volume& volume) {
  auto image = Image::New();
  const dicom::VolumeGeometry& geometry = volume.geometry;
  image->SetRegions(Image::SizeType{geometry.size[0], geometry.size[1], geometry.size[2]});
  image->SetSpacing(geometry.spacing_mm.data());
  image->SetOrigin(geometry.origin_lps_mm.data());
  Image::DirectionType direction;
  for (unsigned axis = 0; axis < 3; ++axis)
    for (unsigned c = 0; c < 3; ++c) direction[c][axis] = geometry.axes_lps[axis][c];
  image->SetDirection(direction);
  image->Allocate();
  std::copy(volume.voxels.begin(), volume.voxels.end(), image->GetBufferPointer());
  return image;
}

struct Judgement {
  double nats;
  TransformGradient gradient;
};

/// ITK's mutual information, and its gradient by the entries of an affine transform.
Judgement by_itk(const dicom::Volume& fixed, const dicom::Volume& moving,
                 const std::vector<dicom::Vec3>& points_lps_mm, const RigidTransform& map) {
  auto transform = Affine::New();
  Affine::ParametersType parameters(12);
  std::copy(map.rotation.begin(), map.rotation.end(), parameters.begin());
  std::copy(map.translation_mm.begin(), map.translation_mm.end(), parameters.begin() + 9);
  transform->SetParameters(parameters);
  auto points = Mattes::FixedSampledPointSetType::New();
  for (const dicom::Vec3& p : points_lps_mm) {
    Mattes::FixedSampledPointSetType::PointType point;
    for (unsigned c = 0; c < 3; ++c) point[c] = static_cast<float>(p[c]);
    points->SetPoint(points->GetNumberOfPoints(), point);
  }
  auto metric = Mattes::New();
  metric->SetNumberOfHistogramBins(32);
  metric->SetUseFixedImageGradientFilter(false);
  metric->SetUseMovingImageGradientFilter(false);
  metric->SetFixedImage(to_itk(fixed));
  metric->SetMovingImage(to_itk(moving));
  metric->SetMovingTransform(transform);
  metric->SetFixedSampledPointSet(points);
  metric->SetUseSampledPointSet(true);
  metric->Initialize();
  Mattes::MeasureType value = 0;
  Mattes::DerivativeType derivative;
  metric->GetValueAndDerivative(value, derivative);
  Judgement result{-value, {}};  // ITK minimises, and its derivative points downhill
  std::copy(derivative.begin(), derivative.begin() + 9, result.gradient.rotation.begin());
  std::copy(derivative.begin() + 9, derivative.end(), result.gradient.translation_mm.begin());
  return result;
}

Judgement by_us(const dicom::Volume& fixed, const dicom::Volume& moving,
                const std::vector<dicom::Vec3>& points_lps_mm, const RigidTransform& map) {
  const FixedSamples samples(fixed, range_at(fixed, points_lps_mm), points_lps_mm);
  MutualInformation information(samples, moving, range_of(moving.voxels));
  Judgement result{};
  result.nats = information.at(map, &result.gradient);
  return result;
}

}  // namespace

TEST_CASE("Mutual information is that of ITK", "[registration]") {
  const dicom::Volume fixed = oblique_volume(waves), moving = oblique_volume(other_waves);
  const auto points = scattered_points(24);  // a third of them outside
  for (const RigidTransform& map : {RigidTransform{}, some_map()}) {
    const double nats = by_us(fixed, moving, points, map).nats;
    CHECK(nats > 0.2);
    CHECK(nats == Approx(by_itk(fixed, moving, points, map).nats).epsilon(0).margin(1e-6));
  }
}

TEST_CASE("The gradient of mutual information is that of ITK on a ramp, whose central differences are exact",
          "[registration]") {
  const dicom::Volume fixed = oblique_volume(waves), moving = oblique_volume(ramp);
  const auto points = scattered_points(6);  // all inside: ITK's differences are 0 at the border
  const Judgement ours = by_us(fixed, moving, points, some_map());
  const Judgement theirs = by_itk(fixed, moving, points, some_map());
  CHECK(ours.nats == Approx(theirs.nats).epsilon(0).margin(1e-6));
  for (std::size_t n = 0; n < 9; ++n) {
    CAPTURE(n);
    CHECK(ours.gradient.rotation[n] == Approx(theirs.gradient.rotation[n]).epsilon(0).margin(1e-6));
  }
  for (std::size_t c = 0; c < 3; ++c) {
    CAPTURE(c);
    CHECK(ours.gradient.translation_mm[c] ==
          Approx(theirs.gradient.translation_mm[c]).epsilon(0).margin(1e-6));
  }
}

TEST_CASE("The gradient is what mutual information changes by, also between trilinear voxels",
          "[registration]") {
  const dicom::Volume fixed = oblique_volume(waves), moving = oblique_volume(other_waves);
  const FixedSamples samples(fixed, range_of(fixed.voxels), scattered_points(6));
  MutualInformation information(samples, moving, range_of(moving.voxels));
  TransformGradient gradient;
  information.at(some_map(), &gradient);
  const auto change = [&information](const auto& shifted) {
    return (information.at(shifted(1e-3)) - information.at(shifted(-1e-3))) / 2e-3;
  };
  for (std::size_t c = 0; c < 3; ++c) {
    CAPTURE(c);
    const auto slid = [c](double by) {
      RigidTransform map = some_map();
      map.translation_mm[c] += by;
      return map;
    };
    CHECK(gradient.translation_mm[c] == Approx(change(slid)).margin(1e-4));
  }
  for (std::size_t n = 0; n < 9; ++n) {
    CAPTURE(n);
    const auto turned = [n](double by) {
      RigidTransform map = some_map();
      map.rotation[n] += by;
      return map;
    };
    CHECK(gradient.rotation[n] == Approx(change(turned)).margin(1e-3));
  }
}

TEST_CASE("Images that do not overlap share no information", "[registration]") {
  const dicom::Volume fixed = oblique_volume(waves), moving = oblique_volume(other_waves);
  const FixedSamples samples(fixed, range_of(fixed.voxels), scattered_points(6));
  RigidTransform away;
  away.translation_mm[2] = 500;
  TransformGradient gradient;
  CHECK(MutualInformation(samples, moving, range_of(moving.voxels)).at(away, &gradient) == 0);
  CHECK(gradient.translation_mm == dicom::Vec3{});
}

TEST_CASE("A volume without contrast cannot be registered", "[registration]") {
  dicom::Volume flat = oblique_volume([](const dicom::Vec3&) { return 7; });
  CHECK_THROWS_AS(intensity_range(flat), Error);
}
