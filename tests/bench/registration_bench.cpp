// How exactly and how fast series are registered, by us and, where it is installed, by elastix on the same
// volumes: simulated studies from five label maps with known motion, and one real head with large motion
// against a third party's transforms. Seconds are CPU time. Ours prepares the reference once a study, elastix
// with every series; elastix also reads the images from files. The sums therefore come with and without
// these.
//
// usage: registration_bench TEST_DATA [DEGREES MILLIMETRES]   (largest motion per axis, 5 and 8 by default)

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <torch/utils.h>
#include <unistd.h>

#include "models/data/label_map.h"
#include "models/simulator.h"
#include "pipeline/box_average.h"
#include "pipeline/head.h"
#include "pipeline/registration.h"
#include "pipeline/registration_samples.h"
#include "pipeline/spatial_image.h"
#include "tests/bench/elastix.h"
#include "tests/unit/pipeline/real_head.h"

using namespace metserve;
using pipeline::test::RealHead;
using pipeline::test::target_errors;
using pipeline::test::TargetErrors;

namespace {

double cpu_s() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
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

/// What one method did on all series of a kind.
struct Sum {
  double mean_mm = 0, worst_mean_mm = 0, worst_point_mm = 0, cpu_s = 0, other_s = 0;
  int series = 0;

  /// `other`: of `cpu`, what the other method does not spend on each series.
  void add(const TargetErrors& errors, double cpu, double other) {
    mean_mm += errors.mean_mm;
    worst_mean_mm = std::max(worst_mean_mm, errors.mean_mm);
    worst_point_mm = std::max(worst_point_mm, errors.largest_mm);
    cpu_s += cpu;
    other_s += other;
    ++series;
  }
  void print(const char* method, const char* other) const {
    if (series == 0) return;
    std::printf(
        "%-8s %2d series: mean error %.3f mm, worst series %.3f mm, worst point %.3f mm, %.3f CPU s a "
        "series, %.3f without %s\n",
        method, series, mean_mm / series, worst_mean_mm, worst_point_mm, cpu_s / series,
        (cpu_s - other_s) / series, other);
  }
};

void print_row(const std::string& name, const char* method, const TargetErrors& errors, double cpu,
               const std::string& remark) {
  std::printf("%-24s %-8s %8.3f %7.3f   %6.3f %6.3f %6.3f   %6.3f  %s\n", name.c_str(), method,
              errors.mean_mm, errors.largest_mm, errors.along_mm[0], errors.along_mm[1], errors.along_mm[2],
              cpu, remark.c_str());
  std::fflush(stdout);
}

/// Our method and elastix, side by side.
struct Sums {
  Sum ours, elastix;
  void print() const {
    ours.print("ours", "preparing the reference");
    elastix.print("elastix", "reading the images");
  }
};

/// One reference, and what is registered to it.
class Bench {
 public:
  Bench(dicom::Volume fixed, std::vector<dicom::Vec3> points, std::filesystem::path elastix_folder)
      : fixed_(std::move(fixed)), points_(std::move(points)), elastix_folder_(std::move(elastix_folder)) {
    const double started = cpu_s();
    target_.emplace(fixed_, pipeline::RegistrationOptions{});
    target_s_ = cpu_s() - started;
  }

  void align(const dicom::Volume& moving, const pipeline::RigidTransform& truth, const std::string& name,
             Sums& sums) const {
    const double started = cpu_s();
    const pipeline::Registration found = target_->align(moving);
    const double cpu = cpu_s() - started + target_s_;
    const TargetErrors errors = target_errors(points_, moving.geometry, found.fixed_to_moving, truth);
    std::array<char, 100> moved{};
    std::snprintf(moved.data(), moved.size(), "%.1f degrees, %.1f mm; distinctness %.2f %s",
                  truth.rotation_deg(), found.displacement_mm, found.distinctness, found.reason.c_str());
    print_row(name, "ours", errors, cpu, moved.data());
    sums.ours.add(errors, cpu, target_s_);
    if (elastix_folder_.empty()) return;
    const bench::ElastixResult peer = bench::run_elastix(fixed_, moving, elastix_folder_);
    const TargetErrors peers = target_errors(points_, moving.geometry, peer.fixed_to_moving, truth);
    print_row(name, "elastix", peers, peer.cpu_s, "");
    sums.elastix.add(peers, peer.cpu_s, peer.reading_s);
  }

 private:
  dicom::Volume fixed_;
  std::vector<dicom::Vec3> points_;       ///< of the brain, where errors are measured
  std::filesystem::path elastix_folder_;  ///< empty: elastix is not there
  std::optional<pipeline::RegistrationTarget> target_;
  double target_s_ = 0;  ///< CPU time that preparing the reference took
};

void simulated(const std::filesystem::path& data, double degrees, double millimetres,
               const std::filesystem::path& elastix_folder) {
  Sums sums;
  std::uint64_t seed = 500;
  for (const models::Anatomy& anatomy : models::read_label_maps(data / "brain_label_maps")) {
    if (++seed % 3 != 0) continue;  // five of fifteen heads
    models::SimulatorOptions options;
    options.seed = seed;
    options.motion_deg = degrees;
    options.motion_mm = millimetres;
    const models::SimulatedStudy study = models::simulate_study(anatomy, options, torch::kCPU);
    const dicom::Volume fixed = pipeline::to_volume(study.sequences[0].image);
    const Bench bench(fixed, brain_points(fixed), elastix_folder);
    for (std::size_t n = 1; n < study.sequences.size(); ++n)
      bench.align(pipeline::to_volume(study.sequences[n].image), to_rigid(study.sequences[n].patient_motion),
                  anatomy.name + " " + std::string(models::id(study.sequences[n].slot)), sums);
  }
  sums.print();
}

void real_head(const RealHead& head, const std::filesystem::path& elastix_folder) {
  const Bench bench(head.volume("t1_gd"), head.brain_points(), elastix_folder);
  Sums sums;
  for (const char* name : {"t1_pre", "t2", "flair"})
    bench.align(head.volume(name), head.motion(name), std::string("real head ") + name, sums);
  sums.print();
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
  real_head(RealHead(data / "tcga_fg6692_native"), elastix_folder);
  simulated(data, argc > 3 ? std::stod(argv[2]) : 5, argc > 3 ? std::stod(argv[3]) : 8, elastix_folder);
  if (!elastix_folder.empty()) std::filesystem::remove_all(elastix_folder);
}
