#include "tests/unit/pipeline/real_head.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "models/data/nifti.h"
#include "pipeline/spatial_image.h"
#include "tests/unit/pipeline/study_fixture.h"

namespace metserve::pipeline::test {

namespace {

using models::Slot;

double dot(const dicom::Vec3& a, const dicom::Vec3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/// Transforms in the file are RAS; this is LPS.
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

TargetErrors target_errors(const std::vector<dicom::Vec3>& points, const dicom::VolumeGeometry& moving,
                           const RigidTransform& found, const RigidTransform& truth) {
  TargetErrors errors;
  const auto count = static_cast<double>(points.size());
  for (const dicom::Vec3& point : points) {
    const dicom::Vec3 a = found.apply(point), b = truth.apply(point);
    const dicom::Vec3 off{a[0] - b[0], a[1] - b[1], a[2] - b[2]};
    const double distance = std::sqrt(dot(off, off));
    errors.mean_mm += distance / count;
    errors.largest_mm = std::max(errors.largest_mm, distance);
    for (std::size_t axis = 0; axis < 3; ++axis)
      errors.along_mm[axis] += std::abs(dot(off, moving.axes_lps[axis])) / count;
  }
  return errors;
}

std::optional<RealHead> RealHead::of_test_data() {
  const char* data = std::getenv("METSERVE_TEST_DATA");
  const auto folder = std::filesystem::path(data == nullptr ? "" : data) / "tcga_fg6692_native";
  if (!std::filesystem::exists(folder)) return std::nullopt;
  return RealHead(folder);
}

dicom::Volume RealHead::volume(const std::string& name) const {
  return to_volume(models::read_nifti(folder_ / (name + ".nii.gz")));
}

RigidTransform RealHead::motion(const std::string& name) const {
  std::ifstream file(folder_ / "FG6692_reference_rigid.json");
  const auto reference = nlohmann::json::parse(file);
  return from_ras(reference.at(name == "t1_pre" ? "t1" : name).at("world_t1c_to_moving_RAS"));
}

std::vector<dicom::Vec3> RealHead::brain_points() const {
  const dicom::Volume brain = volume("bet_tcia_example_t1c_mask");
  std::vector<dicom::Vec3> points;
  std::size_t voxels = 0;
  for (std::size_t v = 0; v < brain.voxels.size(); ++v)
    if (brain.voxels[v] > 0 && voxels++ % 97 == 0) points.push_back(brain.geometry.centre_lps_mm(v));
  return points;
}

models::SimulatedStudy RealHead::study(bool as_acquired) const {
  models::SimulatedStudy study;
  study.name = as_acquired ? "FG6692_moved" : "FG6692_still";
  const auto add = [&](Slot slot, const std::string& file, const RigidTransform& motion) {
    study.sequences.push_back(sequence_of(slot, models::read_nifti(folder_ / (file + ".nii.gz")), motion));
  };
  const std::filesystem::path still = "reference_coreg_to_t1gd";
  add(Slot::t1_se_post, "t1_gd", {});
  add(Slot::t1_se_pre, as_acquired ? "t1_pre" : (still / "co__t1c__t1").string(),
      as_acquired ? motion("t1_pre") : RigidTransform{});
  add(Slot::flair, as_acquired ? "flair" : (still / "co__t1c__flair").string(),
      as_acquired ? motion("flair") : RigidTransform{});
  return study;
}

}  // namespace metserve::pipeline::test
