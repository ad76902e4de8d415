// One simulated study (four sequences, native geometry) through the pipeline: wall and CPU seconds a stage,
// peak memory, and how well it was registered.
//
// usage: pipeline_bench [--model DIR] [--anatomy FILE.nii.gz] [--threads N] [--seed N] [--out DIR]
// Without a model: random weights of the default network. Without an anatomy: the procedural head.

#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include <ATen/Parallel.h>
#include <sys/resource.h>
#include <torch/types.h>

#include "dicom/runtime.h"
#include "models/data/label_map.h"
#include "models/networks/network_file.h"
#include "models/simulator.h"
#include "pipeline/segment_study.h"
#include "pipeline/simulated_study.h"

using namespace metserve;

namespace {

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_gib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1024.0 * 1024.0);
}

double wall_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Wall and CPU time between changes of stage.
class StageClock {
 public:
  void enter(const std::string& stage) {
    const double wall = wall_s();
    const double cpu = cpu_s();
    if (!stage_.empty()) {
      wall_by_stage_[stage_] += wall - wall_;
      cpu_by_stage_[stage_] += cpu - cpu_;
    }
    stage_ = stage;
    wall_ = wall;
    cpu_ = cpu;
  }

  void print() const {
    double wall = 0, cpu = 0;
    std::printf("%-12s %8s %8s\n", "stage", "wall s", "CPU s");
    for (const char* stage : {"match", "load", "register", "preprocess", "infer", "postprocess", "encode"}) {
      std::printf("%-12s %8.2f %8.2f\n", stage, wall_by_stage_.at(stage), cpu_by_stage_.at(stage));
      wall += wall_by_stage_.at(stage);
      cpu += cpu_by_stage_.at(stage);
    }
    std::printf("%-12s %8.2f %8.2f\n", "sum", wall, cpu);
  }

 private:
  std::string stage_;
  double wall_ = 0, cpu_ = 0;
  std::map<std::string, double> wall_by_stage_, cpu_by_stage_;
};

models::Segmenter make_segmenter(const std::string& model, const std::filesystem::path& directory) {
  if (!model.empty()) return models::Segmenter(models::ModelPackage::load(model), "cpu");
  models::ModelPackage package;
  package.directory = directory;
  package.manifest.name = "random weights";
  package.manifest.version = "0";
  package.manifest.spacing_mm = {0.9375, 0.9375, 1.0};
  package.manifest.rule.threshold = 0.9;
  package.manifest.weights_sha256 = std::string(64, '0');
  models::save_network(models::make_network(package.manifest.network), {}, true,
                       directory / "weights.safetensors");
  return models::Segmenter(package, "cpu");
}

std::filesystem::path simulate(const std::string& anatomy_file, std::uint64_t seed,
                               const std::filesystem::path& directory) {
  models::SimulatorOptions options;
  options.seed = seed;
  const models::Anatomy anatomy =
      anatomy_file.empty() ? models::procedural_anatomy(seed) : models::read_anatomy(anatomy_file);
  return pipeline::write_dicom_study(models::simulate_study(anatomy, options, torch::kCPU),
                                     pipeline::Vendor::ge, directory);
}

void run(const std::map<std::string, std::string>& arguments) {
  const std::filesystem::path out = arguments.at("--out");
  std::filesystem::create_directories(out);
  at::set_num_threads(std::stoi(arguments.at("--threads")));
  const auto folder = simulate(arguments.at("--anatomy"), std::stoull(arguments.at("--seed")), out);
  const models::Segmenter segmenter = make_segmenter(arguments.at("--model"), out);
  std::printf("peak memory so far (simulator, model) %.2f GiB\n", peak_gib());

  StageClock clock;
  clock.enter("match");
  const dicom::Study study = dicom::scan_study(dicom::list_files(folder));
  pipeline::StudyResult result = pipeline::segment_study(
      study, segmenter, {},
      [&](pipeline::Stage stage, double) { clock.enter(std::string(to_string(stage))); });
  clock.enter("encode");
  pipeline::EncodeOptions options;
  options.clock = std::chrono::system_clock::now;
  pipeline::encode_result(result, options, out / "result");
  clock.enter("");

  const auto& size = result.reference.volume.geometry.size;
  std::printf("%zu sequences, reference %zu x %zu x %zu, %zu lesions, %s threads\n", result.subset.count(),
              size[0], size[1], size[2], result.lesions.lesions.size(), arguments.at("--threads").c_str());
  for (const std::string& sentence : result.sequences_used) std::printf("  %s\n", sentence.c_str());
  clock.print();
  std::printf("peak memory %.2f GiB\n", peak_gib());
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> arguments{{"--model", ""},
                                               {"--anatomy", ""},
                                               {"--threads", "2"},
                                               {"--seed", "101"},
                                               {"--out", "pipeline_bench.out"}};
  for (int n = 1; n + 1 < argc; n += 2) arguments[argv[n]] = argv[n + 1];
  const dicom::Runtime runtime;
  run(arguments);
}
