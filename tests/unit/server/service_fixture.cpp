#include "tests/unit/server/service_fixture.h"

#include <fstream>
#include <iterator>
#include <thread>

#include <torch/types.h>

#include "dicom/study.h"
#include "models/model_package.h"
#include "models/networks/network_file.h"
#include "models/package/sha256.h"
#include "pipeline/simulated_study.h"

namespace metserve::server {
namespace {

Config config_below(const std::filesystem::path& directory) {
  Config config;
  config.dicom.bind_address = "127.0.0.1";
  config.dicom.port = 0;
  config.http.port = 0;
  config.study.quiet_time = std::chrono::seconds(1);
  config.model.directory = directory / "model";
  config.storage.directory = directory / "state";
  config.storage.min_free_bytes = 0;
  config.storage.journal.segment_bytes = std::uint64_t{4} << 20;
  config.workers.threads = 2;
  config.log.file = directory / "log";
  return config;
}

/// [slices, rows, columns] of a bright ellipsoid in air, 4 mm voxels.
torch::Tensor ellipsoid() {
  const auto axis = [](std::int64_t size, double radius) {
    return (at::arange(size) - (size - 1) / 2.0) / radius;
  };
  const torch::Tensor z = axis(40, 17).reshape({-1, 1, 1}), y = axis(56, 24).reshape({1, -1, 1}),
                      x = axis(48, 19).reshape({1, 1, -1});
  const torch::Tensor inside = (z * z + y * y + x * x).lt(1);
  return inside.to(torch::kFloat32) * (400 + 100 * (6 * x).sin() * (5 * y).cos());
}

}  // namespace

void write_random_model(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  torch::manual_seed(2);
  models::Manifest manifest;
  manifest.name = "random";
  manifest.version = "0";
  manifest.slot_order = models::ids(models::SlotSet().set());
  manifest.spacing_mm = {0.9375, 0.9375, 1.0};
  manifest.network.width = 8;
  manifest.network.aspp_channels = 8;
  manifest.network.output_stride = 16;
  manifest.intended_use = "tests";
  manifest.training_data = "none";
  const auto weights = directory / "weights.safetensors";
  models::save_network(models::make_network(manifest.network), {}, true, weights);
  manifest.weights_sha256 = models::sha256_of(weights);
  models::write_manifest(manifest, directory / "model.yaml");
}

std::vector<std::filesystem::path> write_one_sequence_study(models::Slot slot,
                                                            const std::filesystem::path& directory,
                                                            bool sagittal) {
  models::SimulatedSequence sequence;
  sequence.slot = slot;
  sequence.image.voxels = ellipsoid();
  sequence.image.index_to_lps_mm = at::diag(at::tensor({4.0, 4.0, 4.0, 1.0}, torch::kFloat64));
  if (sagittal)
    sequence.image.index_to_lps_mm =
        at::tensor({0.0, 0.0, -4.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0},
                   torch::kFloat64)
            .reshape({4, 4});
  sequence.patient_motion = torch::eye(4, torch::kFloat64);
  const bool flair = slot == models::Slot::flair;
  sequence.tr_ms = flair ? 6000 : 9;
  sequence.te_ms = flair ? 120 : 3.5;
  sequence.ti_ms = flair ? 1750 : 350;
  sequence.flip_deg = flair ? 90 : 15;
  sequence.echo_train_length = flair ? 160 : 1;
  models::SimulatedStudy study;
  study.name = std::string(models::id(slot));
  study.sequences.push_back(sequence);
  const auto folder = pipeline::write_dicom_study(study, pipeline::Vendor::ge, directory);
  std::vector<std::filesystem::path> images;
  for (const auto& file : dicom::list_files(folder)) {
    if (file.extension() == ".dcm") images.push_back(file);
  }
  return images;
}

ServiceFixture::ServiceFixture() : config(config_below(directory.path())), log(config.log) {
  write_random_model(directory.path() / "model");
}

std::string ServiceFixture::logged() const {
  std::ifstream stream(*config.log.file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool soon(const std::function<bool()>& condition, int seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace metserve::server
