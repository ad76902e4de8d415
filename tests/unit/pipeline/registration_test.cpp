#include "pipeline/registration.h"

#include <cmath>
#include <random>

#include "pipeline/error.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/phantom.h"
#include "tests/unit/pipeline/real_head.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;

namespace {

dicom::Volume still_head() {
  static const dicom::Volume head = phantom_head(axial_geometry(1.5, 2), PhantomContrast::t1, {});
  return head;
}

}  // namespace

TEST_CASE("A sagittal FLAIR of a patient who moved is brought to the axial reference", "[registration]") {
  const RegistrationTarget target(still_head(), {});
  const auto [degrees, shift_mm] =
      GENERATE(table<dicom::Vec3, dicom::Vec3>({{dicom::Vec3{3, -2, 4}, dicom::Vec3{4, -8, 12}},
                                                {dicom::Vec3{0, 0, 6}, dicom::Vec3{0, 0, 0}},
                                                {dicom::Vec3{-12, 8, -10}, dicom::Vec3{20, 0, -15}}}));
  const RigidTransform motion = motion_about({0, 0, 0}, degrees, shift_mm);
  const auto moving = phantom_head(sagittal_geometry(1.5, 2), PhantomContrast::flair, motion);

  const Registration found = target.align(moving);
  INFO("rotation " << degrees[0] << ' ' << degrees[1] << ' ' << degrees[2] << ", shift " << shift_mm[0]
                   << ", distinctness " << found.distinctness << ", MI " << found.mutual_information
                   << " from " << found.initial_mutual_information);
  CHECK(mean_target_error_mm(found.fixed_to_moving, motion, {0, 0, 0}) < 0.2);
  CHECK(found.accepted);
  CHECK(found.reason.empty());
  CHECK(found.mutual_information > found.initial_mutual_information);
  CHECK(found.fixed_to_moving.rotation_deg() == Approx(motion.rotation_deg()).margin(0.2));
}

TEST_CASE("Turns of 20 degrees with slides of 35 mm are recovered about and along every axis",
          "[.][far]") {  // half a minute: for docs/registration.md
  const RegistrationTarget target(still_head(), {});
  const auto turned = GENERATE(range(0, 3)), slid = GENERATE(range(0, 3)), side = GENERATE(-1, 1);
  dicom::Vec3 degrees{}, shift_mm{};
  degrees[static_cast<std::size_t>(turned)] = 20 * side;
  shift_mm[static_cast<std::size_t>(slid)] = slid == 2 ? -35 * side : 35 * side;
  const RigidTransform motion = motion_about({0, 0, 0}, degrees, shift_mm);
  const Registration found =
      target.align(phantom_head(sagittal_geometry(1.5, 2), PhantomContrast::flair, motion));
  const double error_mm = mean_target_error_mm(found.fixed_to_moving, motion, {0, 0, 0});
  INFO("turned about axis " << turned << ", slid along " << slid << ", error " << error_mm << " mm");
  CHECK(found.accepted);
  CHECK(error_mm < 0.5);
}

TEST_CASE("A registration gives the same bits when run again", "[registration]") {
  const auto moving = phantom_head(sagittal_geometry(1.5, 2), PhantomContrast::flair,
                                   motion_about({0, 0, 0}, {2, 3, -4}, {3, 1, -5}));
  const Registration first = register_rigid(still_head(), moving, {});
  const Registration second = register_rigid(still_head(), moving, {});
  CHECK(first.fixed_to_moving.rotation == second.fixed_to_moving.rotation);
  CHECK(first.fixed_to_moving.translation_mm == second.fixed_to_moving.translation_mm);
  CHECK(first.distinctness == second.distinctness);
}

TEST_CASE("A volume of noise is refused with the reason", "[registration]") {
  dicom::Volume noise{sagittal_geometry(1.5, 2), {}};
  std::mt19937 random(3);
  noise.voxels.resize(noise.geometry.voxel_count());
  for (float& value : noise.voxels) value = static_cast<float>(random() % 1000);
  const Registration found = register_rigid(still_head(), noise, {});
  INFO("distinctness " << found.distinctness << " reason " << found.reason);
  CHECK_FALSE(found.accepted);
  CHECK_FALSE(found.reason.empty());
}

TEST_CASE("A volume that lies elsewhere is refused because it does not overlap", "[registration]") {
  auto elsewhere = phantom_head(sagittal_geometry(1.5, 2), PhantomContrast::flair, {});
  elsewhere.geometry.origin_lps_mm[2] += 900;
  const Registration found = register_rigid(still_head(), elsewhere, {});
  CHECK_FALSE(found.accepted);
  CHECK(found.reason.find("head lies within") != std::string::npos);
}

TEST_CASE("A motion beyond the site's bounds is refused", "[registration]") {
  const auto moving = phantom_head(sagittal_geometry(1.5, 2), PhantomContrast::flair,
                                   motion_about({0, 0, 0}, {0, 0, 12}, {0, 0, 0}));
  RegistrationOptions options;
  options.largest_rotation_deg = 10;
  const Registration found = register_rigid(still_head(), moving, options);
  CHECK_FALSE(found.accepted);
  CHECK(found.reason.find("not plausible") != std::string::npos);
}

TEST_CASE("A reference without a head cannot be registered to", "[registration]") {
  dicom::Volume empty{axial_geometry(4, 4), {}};
  empty.voxels.assign(empty.geometry.voxel_count(), 0.0F);
  CHECK_THROWS_AS(RegistrationTarget(empty, {}), Error);
}

TEST_CASE("A real head that moved far between thick series agrees with a third party's transforms",
          "[registration][real]") {
  const auto head = RealHead::of_test_data();
  if (!head) {
    WARN("METSERVE_TEST_DATA names no folder with tcga_fg6692_native: skipped");
    return;
  }
  const RegistrationTarget target(head->volume("t1_gd"), {});
  const auto points = head->brain_points();
  for (const char* name : {"t1_pre", "t2", "flair"}) {
    const dicom::Volume moving = head->volume(name);
    const Registration found = target.align(moving);
    INFO(name << " distinctness " << found.distinctness);
    CHECK(found.accepted);
    const TargetErrors errors =
        target_errors(points, moving.geometry, found.fixed_to_moving, head->motion(name));
    CHECK(errors.mean_mm < 1.0);  // slices of 5.5 mm
  }
}
