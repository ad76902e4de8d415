#include "models/cache.h"

#include <cstdio>

#include <torch/types.h>

#include "models/device.h"
#include "models/error.h"
#include "models/study.h"

namespace metserve::models {
namespace {

std::string study_name(int number) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "study_%04d", number);
  return name.data();
}

Study simulate_for_training(const Anatomy& anatomy, const CacheOptions& options, int number) {
  SimulatorOptions simulator = options.simulator;
  simulator.seed = options.seed * 1'000'003 + static_cast<std::uint64_t>(number);
  simulator.native_geometry = false;
  simulator.field_strength_t = number % 3 == 0 ? 1.5 : 3.0;
  const SimulatedStudy simulated = simulate_study(anatomy, simulator, device_from_name(options.device));
  std::array<torch::Tensor, slot_count> volumes;
  for (const SimulatedSequence& sequence : simulated.sequences)
    volumes[index(sequence.slot)] = sequence.image.voxels;
  return make_study(study_name(number) + " " + anatomy.name, volumes, simulated.truth.voxels, options.clahe);
}

}  // namespace

void build_cache(const std::vector<Anatomy>& anatomies, const CacheOptions& options,
                 const std::filesystem::path& directory, const std::function<void(int)>& on_study) {
  if (options.studies < 1 || options.first < 0)
    throw Error(Error::Kind::bad_input, "simulate: studies must be at least 1 and first not negative");
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) throw Error(Error::Kind::io, directory.string() + ": cannot be made: " + failure.message());
  for (int i = 0; i < options.studies; ++i) {
    const int number = options.first + i;
    const auto file = directory / (study_name(number) + ".safetensors");
    if (!std::filesystem::exists(file)) {
      const Anatomy anatomy = anatomies.empty()
                                  ? procedural_anatomy(options.seed + static_cast<std::uint64_t>(number))
                                  : anatomies[static_cast<std::size_t>(number) % anatomies.size()];
      write_study(simulate_for_training(anatomy, options, number), options.clahe, file);
    }
    if (on_study) on_study(i + 1);
  }
}

}  // namespace metserve::models
