#include "pipeline/training_study.h"

#include <cmath>
#include <numbers>

#include <torch/types.h>

#include "pipeline/error.h"
#include "pipeline/network_grid.h"
#include "pipeline/registration.h"
#include "pipeline/resample.h"
#include "pipeline/spatial_image.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/phantom.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using Catch::Matchers::Contains;
using models::Slot;

namespace {

constexpr double ball_radius_mm = 12;

/// `volume` as models know it.
models::SpatialImage image_of(const dicom::Volume& volume) {
  torch::Tensor matrix = torch::eye(4, at::kDouble);
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    for (int c = 0; c < 3; ++c)
      matrix[c][axis] =
          volume.geometry.axes_lps[a][static_cast<std::size_t>(c)] * volume.geometry.spacing_mm[a];
    matrix[axis][3] = volume.geometry.origin_lps_mm[a];
  }
  return {to_tensor(volume), matrix};
}

/// A ball of `radius_mm` about `centre` on the volume's grid.
models::SpatialImage ball(const dicom::VolumeGeometry& geometry, const dicom::Vec3& centre,
                          double radius_mm) {
  dicom::Volume mask{geometry, {}};
  for (std::size_t k = 0; k < geometry.size[2]; ++k)
    for (std::size_t j = 0; j < geometry.size[1]; ++j)
      for (std::size_t i = 0; i < geometry.size[0]; ++i) {
        const dicom::Vec3 p =
            geometry.lps_mm({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        mask.voxels.push_back(
            std::hypot(p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]) <= radius_mm ? 1.0F : 0.0F);
      }
  models::SpatialImage image = image_of(mask);
  image.voxels = image.voxels.to(at::kShort);
  return image;
}

models::AnnotatedStudy phantom_on(const dicom::VolumeGeometry& geometry, const RigidTransform& flair_motion) {
  const RigidTransform still;
  models::AnnotatedStudy study{"phantom", {}, {}};
  study.sequences[Slot::t1_gre_post] = image_of(phantom_head(geometry, PhantomContrast::t1, still));
  study.sequences[Slot::flair] = image_of(phantom_head(geometry, PhantomContrast::flair, flair_motion));
  study.truth = ball(geometry, {20, -10, 40}, ball_radius_mm);
  return study;
}

/// Mean of the truth's voxels, LPS mm, and its volume.
std::pair<dicom::Vec3, double> measured(const models::Study& study, const dicom::Vec3& origin) {
  const torch::Tensor mean = study.truth.nonzero().to(at::kDouble).mean(0);  // slice, row, column
  dicom::Vec3 centre{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    centre[axis] =
        origin[axis] + mean[2 - static_cast<std::int64_t>(axis)].item<double>() * study.spacing_mm[axis];
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  return {centre, study.truth.ne(0).sum().item<double>() * voxel_mm3};
}

}  // namespace

TEST_CASE("Images that fit the network are used voxel for voxel", "[training-study]") {
  auto geometry = axial_geometry(0.94, 1);
  geometry.size = {256, 256, 40};
  geometry.origin_lps_mm[2] = 30;
  models::AnnotatedStudy annotated = phantom_on(geometry, {});
  annotated.truth.voxels[2].slice(0, 3, 5).slice(1, 3, 5).fill_(9);  // a second lesion
  const auto prepared = training_study(annotated, {});
  CHECK(prepared.left_out.empty());
  CHECK(prepared.study.present == models::SlotSet("1001"));
  CHECK(prepared.study.spacing_mm[0] == Approx(0.94));
  const torch::Tensor expected =
      models::preprocess_sequence(annotated.sequences.at(Slot::t1_gre_post).voxels, {}).mul(255).round();
  CHECK(torch::equal(prepared.study.images[0].to(at::kFloat), expected));
  CHECK(torch::equal(prepared.study.truth.ne(0), annotated.truth.voxels.ne(0)));
  CHECK(prepared.study.truth.max().item<int>() == 2);
}

TEST_CASE("Other images come to the network's grid with the lesion at its place", "[training-study]") {
  const auto geometry = GENERATE(axial_geometry(1.5, 2), sagittal_geometry(1.5, 2));
  const auto prepared = training_study(phantom_on(geometry, {}), {});
  CHECK(prepared.study.images.size(2) == 256);
  const auto reference = phantom_head(geometry, PhantomContrast::t1, {});
  const auto [centre, volume_mm3] =
      measured(prepared.study, network_grid(reference, prepared.study.spacing_mm).origin_lps_mm);
  CHECK(std::abs(centre[0] - 20) < 0.3);
  CHECK(std::abs(centre[1] + 10) < 0.3);
  CHECK(std::abs(centre[2] - 40) < 0.3);
  CHECK(volume_mm3 == Approx(4.0 / 3 * std::numbers::pi * std::pow(ball_radius_mm, 3)).epsilon(0.03));
}

TEST_CASE("A sequence on a grid of its own is registered, one that cannot be is left out",
          "[training-study]") {
  const auto geometry = axial_geometry(1.5, 2);
  models::AnnotatedStudy study = phantom_on(geometry, {});
  auto other = sagittal_geometry(1.5, 2);
  SECTION("moved") {
    const auto motion = motion_about({}, {3, -2, 4}, {4, 3, -5});
    const auto moved = phantom_head(other, PhantomContrast::flair, motion);
    study.sequences[Slot::flair] = image_of(moved);
    const auto prepared = training_study(study, {});
    CHECK(prepared.left_out.empty());
    const auto still = training_study(phantom_on(geometry, {}), {});
    const auto flair = static_cast<std::int64_t>(models::index(Slot::flair));
    const torch::Tensor expected = still.study.images[flair].to(at::kFloat);
    const auto grid = network_grid(phantom_head(geometry, PhantomContrast::t1, {}), still.study.spacing_mm);
    const torch::Tensor as_it_came =
        models::preprocess_sequence(to_tensor(resample(moved, grid, {})), {}) * 255;
    const float difference =
        (prepared.study.images[flair].to(at::kFloat) - expected).abs().mean().item<float>();
    CHECK(difference < 0.4F * (as_it_came - expected).abs().mean().item<float>());
  }
  SECTION("noise") {
    study.sequences[Slot::flair] = image_of(phantom_head(other, PhantomContrast::flair, {}));
    study.sequences[Slot::flair].voxels = torch::rand_like(study.sequences[Slot::flair].voxels) * 100;
    const auto prepared = training_study(study, {});
    REQUIRE(prepared.left_out.size() == 1);
    CHECK_THAT(prepared.left_out[0], Contains("FLAIR not registered"));
    CHECK(prepared.study.present == models::SlotSet("0001"));
  }
}

TEST_CASE("A sequence that shows nothing is left out, as the reference it is refused", "[training-study]") {
  auto geometry = axial_geometry(0.94, 1);
  geometry.size = {256, 256, 24};
  geometry.origin_lps_mm[2] = 30;
  models::AnnotatedStudy study = phantom_on(geometry, {});
  study.truth.voxels[2].slice(0, 3, 5).slice(1, 3, 5).fill_(9);
  SECTION("left out") {
    study.sequences[Slot::flair].voxels.fill_(7);
    const auto prepared = training_study(study, {});
    REQUIRE(prepared.left_out.size() == 1);
    CHECK_THAT(prepared.left_out[0], Contains("FLAIR shows nothing"));
    CHECK(prepared.study.present == models::SlotSet("0001"));
  }
  SECTION("refused") {
    study.sequences[Slot::t1_gre_post].voxels.fill_(7);
    CHECK_THROWS_WITH(training_study(study, {}), Contains("phantom: BRAVO shows nothing"));
  }
}

TEST_CASE("A study without a head is refused by name", "[training-study]") {
  models::AnnotatedStudy study = phantom_on(axial_geometry(4, 4), {});
  for (auto& [slot, image] : study.sequences) image.voxels.zero_();
  CHECK_THROWS_WITH(training_study(study, {}), Contains("phantom: "));
}
