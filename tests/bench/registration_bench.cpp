// How exactly and how fast series are registered, by us and, where it is installed, by elastix on the same
// volumes: simulated studies from five label maps with known motion, and one real head with large motion
// against a third party's transforms.
//
// usage: registration_bench TEST_DATA [DEGREES MILLIMETRES]   (largest motion per axis, 5 and 8 by default)

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/utils.h>
#include <unistd.h>

#include "models/data/label_map.h"
#include "models/data/nifti.h"
#include "models/simulator.h"
#include "pipeline/box_average.h"
#include "pipeline/head.h"
#include "pipeline/registration.h"
#include "pipeline/registration_samples.h"
#include "tests/bench/elastix.h"

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

/// Of one registration, over points of the head.
struct Errors {
  double mean_mm = 0, largest_mm = 0;
  std::array<double, 3> along_mm{};  ///< mean along the moving image's columns, rows and slices
};

Errors target_errors(const std::vector<dicom::Vec3>& points, const dicom::VolumeGeometry& moving,
                     const pipeline::RigidTransform& found, const pipeline::RigidTransform& truth) {
  Errors errors;
  const auto count = static_cast<double>(points.size());
  for (const dicom::Vec3& point : points) {
    const dicom::Vec3 a = found.apply(point);
    const dicom::Vec3 b = truth.apply(point);
    const dicom::Vec3 off{a[0] - b[0], a[1] - b[1], a[2] - b[2]};
    const double distance = std::hypot(off[0], off[1], off[2]);
    errors.mean_mm += distance / count;
    errors.largest_mm = std::max(errors.largest_mm, distance);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const dicom::Vec3& way = moving.axes_lps[axis];
      errors.along_mm[axis] += std::abs(off[0] * way[0] + off[1] * way[1] + off[2] * way[2]) / count;
    }
  }
  return errors;
}

/// What one method did on all series of a kind.
struct Sum {
  double mean_mm = 0, worst_mean_mm = 0, worst_point_mm = 0, cpu_s = 0;
  int series = 0;

  void add(const Errors& errors, double cpu) {
    mean_mm += errors.mean_mm;
    worst_mean_mm = std::max(worst_mean_mm, errors.mean_mm);
    worst_point_mm = std::max(worst_point_mm, errors.largest_mm);
    cpu_s += cpu;
    ++series;
  }
  void print(const char* method) const {
    if (series == 0) return;
    std::printf(
        "%-8s %2d series: mean error %.3f mm, worst series %.3f mm, worst point %.3f mm, %.2f CPU s a "
        "series\n",
        method, series, mean_mm / series, worst_mean_mm, worst_point_mm, cpu_s / series);
  }
};

void print_row(const std::string& name, const char* method, const Errors& errors, double cpu,
               const std::string& remark) {
  std::printf("%-24s %-8s %8.3f %7.3f   %6.3f %6.3f %6.3f   %6.2f  %s\n", name.c_str(), method,
              errors.mean_mm, errors.largest_mm, errors.along_mm[0], errors.along_mm[1], errors.along_mm[2],
              cpu, remark.c_str());
  std::fflush(stdout);
}

/// One reference, and what is registered to it.
class Bench {
 public:
  Bench(dicom::Volume fixed, std::filesystem::path elastix_folder)
      : fixed_(std::move(fixed)),
        elastix_folder_(std::move(elastix_folder)),
        target_(fixed_, {}),
        points_(brain_points(fixed_)) {}

  void align(const dicom::Volume& moving, const pipeline::RigidTransform& truth, const std::string& name,
             Sum& ours, Sum& elastix) const {
    const double started = cpu_s();
    const pipeline::Registration found = target_.align(moving);
    const double cpu = cpu_s() - started;
    const Errors errors = target_errors(points_, moving.geometry, found.fixed_to_moving, truth);
    std::array<char, 100> moved{};
    std::snprintf(moved.data(), moved.size(), "%.1f degrees, %.1f mm; distinctness %.2f %s",
                  truth.rotation_deg(), found.displacement_mm, found.distinctness, found.reason.c_str());
    print_row(name, "ours", errors, cpu, moved.data());
    ours.add(errors, cpu);
    if (elastix_folder_.empty()) return;
    const bench::ElastixResult peer = bench::run_elastix(fixed_, moving, elastix_folder_);
    const Errors peers = target_errors(points_, moving.geometry, peer.fixed_to_moving, truth);
    print_row(name, "elastix", peers, peer.cpu_s, "");
    elastix.add(peers, peer.cpu_s);
  }

 private:
  dicom::Volume fixed_;
  std::filesystem::path elastix_folder_;  ///< empty: elastix is not there
  pipeline::RegistrationTarget target_;
  std::vector<dicom::Vec3> points_;
};

void simulated(const std::filesystem::path& data, double degrees, double millimetres,
               const std::filesystem::path& elastix_folder) {
  Sum ours, elastix;
  std::uint64_t seed = 500;
  for (const models::Anatomy& anatomy : models::read_label_maps(data / "brain_label_maps")) {
    if (++seed % 3 != 0) continue;  // five of fifteen heads
    models::SimulatorOptions options;
    options.seed = seed;
    options.motion_deg = degrees;
    options.motion_mm = millimetres;
    const models::SimulatedStudy study = models::simulate_study(anatomy, options, torch::kCPU);
    const Bench bench(to_volume(study.sequences[0].image), elastix_folder);
    for (std::size_t n = 1; n < study.sequences.size(); ++n)
      bench.align(to_volume(study.sequences[n].image), to_rigid(study.sequences[n].patient_motion),
                  anatomy.name + " " + std::string(models::id(study.sequences[n].slot)), ours, elastix);
  }
  ours.print("ours");
  elastix.print("elastix");
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

void real_head(const std::filesystem::path& folder, const std::filesystem::path& elastix_folder) {
  const auto read = [&](const char* name) {
    return to_volume(models::read_nifti(folder / (std::string(name) + ".nii.gz"), torch::kFloat));
  };
  const Bench bench(read("t1_gd"), elastix_folder);
  std::ifstream file(folder / "FG6692_reference_rigid.json");
  const auto reference = nlohmann::json::parse(file);
  Sum ours, elastix;
  for (const auto& [name, key] : {std::pair{"t1_pre", "t1"}, {"t2", "t2"}, {"flair", "flair"}})
    bench.align(read(name), from_ras(reference[key]["world_t1c_to_moving_RAS"]),
                std::string("real head ") + name, ours, elastix);
  ours.print("ours");
  elastix.print("elastix");
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path data = argc > 1 ? argv[1] : "../shared/data";
  at::set_num_threads(2);
  std::filesystem::path elastix_folder;
  if (bench::has_elastix()) {
    elastix_folder =
        std::filesystem::temp_directory_path() / ("registration_bench." + std::to_string(getpid()));
    std::filesystem::create_directories(elastix_folder);
  } else {
    std::printf("elastix is not installed: ours alone\n");
  }
  std::printf("%-24s %-8s %8s %7s   %6s %6s %6s   %6s\n", "series", "by", "mean mm", "max mm", "column",
              "row", "slice", "CPU s");
  real_head(data / "tcga_fg6692_native", elastix_folder);
  simulated(data, argc > 3 ? std::stod(argv[2]) : 5, argc > 3 ? std::stod(argv[3]) : 8, elastix_folder);
  if (!elastix_folder.empty()) std::filesystem::remove_all(elastix_folder);
}
