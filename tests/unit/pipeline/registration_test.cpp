#include "pipeline/registration.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <nlohmann/json.hpp>

#include "models/data/nifti.h"
#include "pipeline/error.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/phantom.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;

namespace {

dicom::Volume still_head() {
  static const dicom::Volume head = phantom_head(axial_geometry(1.5, 2), PhantomContrast::t1, {});
  return head;
}

dicom::Volume read_nifti(const std::filesystem::path& file) {
  const models::SpatialImage image = models::read_nifti(file, torch::kFloat);
  const auto matrix = image.index_to_lps_mm.accessor<double, 2>();
  dicom::Volume volume;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::int64_t>(axis);
    volume.geometry.size[axis] = static_cast<std::size_t>(image.voxels.size(2 - a));
    volume.geometry.spacing_mm[axis] = std::hypot(matrix[0][a], matrix[1][a], matrix[2][a]);
    for (std::size_t c = 0; c < 3; ++c)
      volume.geometry.axes_lps[axis][c] =
          matrix[static_cast<std::int64_t>(c)][a] / volume.geometry.spacing_mm[axis];
    volume.geometry.origin_lps_mm[axis] = matrix[a][3];
  }
  const torch::Tensor voxels = image.voxels.contiguous();
  volume.voxels.assign(voxels.data_ptr<float>(), voxels.data_ptr<float>() + voxels.numel());
  return volume;
}

/// The file's matrices are in RAS; this is LPS.
RigidTransform from_ras(const nlohmann::json& rows) {
  RigidTransform transform;
  const std::array<double, 3> flip{-1, -1, 1};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column)
      transform.rotation[3 * row + column] = flip[row] * flip[column] * rows[row][column].get<double>();
    transform.translation_mm[row] = flip[row] * rows[row][3].get<double>();
  }
  return transform;
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
  const char* data = std::getenv("METSERVE_TEST_DATA");
  const auto folder = std::filesystem::path(data == nullptr ? "" : data) / "tcga_fg6692_native";
  if (!std::filesystem::exists(folder)) {
    WARN("METSERVE_TEST_DATA names no folder with tcga_fg6692_native: skipped");
    return;
  }
  const dicom::Volume fixed = read_nifti(folder / "t1_gd.nii.gz");
  const auto& size = fixed.geometry.size;
  const dicom::Vec3 centre =
      fixed.geometry.lps_mm({0.5 * static_cast<double>(size[0]), 0.5 * static_cast<double>(size[1]),
                             0.5 * static_cast<double>(size[2])});
  std::ifstream file(folder / "FG6692_reference_rigid.json");
  const auto reference = nlohmann::json::parse(file);
  const RegistrationTarget target(fixed, {});
  for (const auto& [name, key] : {std::pair{"t1_pre", "t1"}, {"t2", "t2"}, {"flair", "flair"}}) {
    const Registration found = target.align(read_nifti(folder / (std::string(name) + ".nii.gz")));
    INFO(name << " distinctness " << found.distinctness);
    CHECK(found.accepted);
    CHECK(mean_target_error_mm(found.fixed_to_moving, from_ras(reference[key]["world_t1c_to_moving_RAS"]),
                               centre) < 1.0);  // slices of 5.5 mm
  }
}
