// How exactly and how fast series are registered. Simulated studies from label maps with known motion, and,
// where the test data is there, one real head with large motion against a third party's transforms.
//
// usage: registration_bench TEST_DATA [DEGREES MILLIMETRES]   (largest motion per axis, 5 and 8 by default)

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "models/data/label_map.h"
#include "models/data/nifti.h"
#include "models/simulator.h"
#include "pipeline/box_average.h"
#include "pipeline/head.h"
#include "pipeline/registration.h"
#include "pipeline/registration_samples.h"

using namespace metserve;

namespace {

double cpu_s() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

dicom::Volume to_volume(const models::SpatialImage& image) {
  dicom::Volume volume;
  const auto matrix = image.index_to_lps_mm.accessor<double, 2>();
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::int64_t>(axis);
    const dicom::Vec3 step{matrix[0][a], matrix[1][a], matrix[2][a]};
    volume.geometry.size[axis] = static_cast<std::size_t>(image.voxels.size(2 - a));
    volume.geometry.spacing_mm[axis] = std::hypot(step[0], step[1], step[2]);
    for (std::size_t c = 0; c < 3; ++c)
      volume.geometry.axes_lps[axis][c] = step[c] / volume.geometry.spacing_mm[axis];
    volume.geometry.origin_lps_mm[axis] = matrix[a][3];
  }
  const torch::Tensor voxels = image.voxels.to(torch::kFloat).contiguous();
  volume.voxels.assign(voxels.data_ptr<float>(), voxels.data_ptr<float>() + voxels.numel());
  return volume;
}

pipeline::RigidTransform to_rigid(const torch::Tensor& matrix) {
  pipeline::RigidTransform transform;
  for (std::int64_t row = 0; row < 3; ++row) {
    for (std::int64_t column = 0; column < 3; ++column)
      transform.rotation[static_cast<std::size_t>(3 * row + column)] = matrix[row][column].item<double>();
    transform.translation_mm[static_cast<std::size_t>(row)] = matrix[row][3].item<double>();
  }
  return transform;
}

/// Points inside the head down to 120 mm below the vertex: about the brain.
std::vector<dicom::Vec3> brain_points(const dicom::Volume& fixed) {
  const dicom::Volume coarse = pipeline::box_average(fixed, pipeline::box_of(fixed.geometry, 4));
  return pipeline::sample_points(coarse, pipeline::find_head(coarse, 120), {2000, 0, 120});
}

struct Errors {
  double mean_mm = 0, largest_mm = 0;
};

Errors target_errors(const std::vector<dicom::Vec3>& points, const pipeline::RigidTransform& found,
                     const pipeline::RigidTransform& truth) {
  Errors errors;
  for (const dicom::Vec3& point : points) {
    const dicom::Vec3 a = found.apply(point);
    const dicom::Vec3 b = truth.apply(point);
    const double distance = std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    errors.mean_mm += distance / static_cast<double>(points.size());
    errors.largest_mm = std::max(errors.largest_mm, distance);
  }
  return errors;
}

struct Sum {
  double mean_mm = 0, worst_mean_mm = 0, worst_point_mm = 0, cpu_s = 0;
  int series = 0;
};

void align(const pipeline::RegistrationTarget& target, const std::vector<dicom::Vec3>& points,
           const dicom::Volume& moving, const pipeline::RigidTransform& truth, const std::string& name,
           Sum& sum) {
  const double started = cpu_s();
  const pipeline::Registration found = target.align(moving);
  const double cpu = cpu_s() - started;
  const Errors errors = target_errors(points, found.fixed_to_moving, truth);
  std::printf("%-28s %6.1f %6.1f   %7.3f %7.3f   %6.3f %6.3f %6.3f   %5.2f  %s\n", name.c_str(),
              truth.rotation_deg(), found.displacement_mm, errors.mean_mm, errors.largest_mm,
              found.initial_mutual_information, found.mutual_information, found.distinctness, cpu,
              found.reason.c_str());
  std::fflush(stdout);
  sum.mean_mm += errors.mean_mm;
  sum.worst_mean_mm = std::max(sum.worst_mean_mm, errors.mean_mm);
  sum.worst_point_mm = std::max(sum.worst_point_mm, errors.largest_mm);
  sum.cpu_s += cpu;
  ++sum.series;
}

void simulated(const std::filesystem::path& data, double degrees, double millimetres) {
  Sum sum;
  std::uint64_t seed = 500;
  for (const models::Anatomy& anatomy : models::read_label_maps(data / "brain_label_maps")) {
    if (++seed % 3 != 0) continue;  // five of fifteen heads
    models::SimulatorOptions options;
    options.seed = seed;
    options.motion_deg = degrees;
    options.motion_mm = millimetres;
    const models::SimulatedStudy study = models::simulate_study(anatomy, options, torch::kCPU);
    const dicom::Volume fixed = to_volume(study.sequences[0].image);
    const pipeline::RegistrationTarget target(fixed, {});
    const auto points = brain_points(fixed);
    for (std::size_t n = 1; n < study.sequences.size(); ++n)
      align(target, points, to_volume(study.sequences[n].image), to_rigid(study.sequences[n].patient_motion),
            anatomy.name + " " + std::string(models::id(study.sequences[n].slot)), sum);
  }
  std::printf(
      "%d series: mean error %.3f mm, worst series %.3f mm, worst point %.3f mm, %.2f CPU s a series\n\n",
      sum.series, sum.mean_mm / sum.series, sum.worst_mean_mm, sum.worst_point_mm, sum.cpu_s / sum.series);
}

/// Transforms in the file are RAS; this is LPS.
pipeline::RigidTransform from_ras(const nlohmann::json& rows) {
  pipeline::RigidTransform transform;
  const std::array<double, 3> flip{-1, -1, 1};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column)
      transform.rotation[3 * row + column] = flip[row] * flip[column] * rows[row][column].get<double>();
    transform.translation_mm[row] = flip[row] * rows[row][3].get<double>();
  }
  return transform;
}

void real_head(const std::filesystem::path& folder) {
  const auto read = [&](const char* name) {
    return to_volume(models::read_nifti(folder / (std::string(name) + ".nii.gz"), torch::kFloat));
  };
  const dicom::Volume fixed = read("t1_gd");
  const pipeline::RegistrationTarget target(fixed, {});
  const auto points = brain_points(fixed);
  std::ifstream file(folder / "FG6692_reference_rigid.json");
  const auto reference = nlohmann::json::parse(file);
  Sum sum;
  for (const auto& [name, key] : {std::pair{"t1_pre", "t1"}, {"t2", "t2"}, {"flair", "flair"}})
    align(target, points, read(name), from_ras(reference[key]["world_t1c_to_moving_RAS"]),
          std::string("real head ") + name, sum);
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path data = argc > 1 ? argv[1] : "../shared/data";
  torch::set_num_threads(2);
  std::printf("%-28s %6s %6s   %7s %7s   %6s %6s %6s   %5s\n", "series", "deg", "mm", "mean mm", "max mm",
              "MI in", "MI out", "dist.", "CPU s");
  simulated(data, argc > 3 ? std::stod(argv[2]) : 5, argc > 3 ? std::stod(argv[3]) : 8);
  real_head(data / "tcga_fg6692_native");
}
