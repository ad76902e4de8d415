#include "models/cache.h"

#include <cstdio>
#include <mutex>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "models/device.h"
#include "models/error.h"
#include "models/side_by_side.h"
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
  simulator.seed = study_seed(options.seed, number);
  simulator.native_geometry = false;
  simulator.field_strength_t = number % 3 == 0 ? 1.5 : 3.0;
  const SimulatedStudy simulated = simulate_study(anatomy, simulator, device_from_name(options.device));
  std::array<torch::Tensor, slot_count> volumes;
  for (const SimulatedSequence& sequence : simulated.sequences)
    volumes[index(sequence.slot)] = sequence.image.voxels;
  Study study =
      make_study(study_name(number) + " " + anatomy.name, volumes, simulated.truth.voxels, options.clahe);
  study.simulated = true;
  return study;
}

/// What the study's bytes depend on.
std::string origin_of(const std::string& anatomy, const CacheOptions& options, int number) {
  const SimulatorOptions& simulator = options.simulator;
  return nlohmann::json{{"anatomy", anatomy},
                        {"hospital", name_of(simulator.hospital)},
                        {"keep", key(simulator.keep)},
                        {"lesions", {simulator.min_lesions, simulator.max_lesions}},
                        {"motion", {simulator.motion_deg, simulator.motion_mm}},
                        {"number", number},
                        {"random_contrasts", simulator.random_contrasts},
                        {"seed", options.seed}}
      .dump();
}

void add_study(const std::vector<Anatomy>& anatomies, const CacheOptions& options, int number,
               const std::filesystem::path& directory) {
  const auto file = directory / (study_name(number) + ".safetensors");
  const Anatomy* given =
      anatomies.empty() ? nullptr : &anatomies[static_cast<std::size_t>(number) % anatomies.size()];
  const std::string origin = origin_of(given != nullptr ? given->name : "procedural", options, number);
  if (std::filesystem::exists(file)) return require_origin(file, options.clahe, origin);
  const Anatomy anatomy = given != nullptr ? *given : procedural_anatomy(study_seed(options.seed, number));
  Study study = simulate_for_training(anatomy, options, number);
  study.origin = origin;
  write_study(study, options.clahe, file);
}

}  // namespace

void build_cache(const std::vector<Anatomy>& anatomies, const CacheOptions& options,
                 const std::filesystem::path& directory, const std::function<void(int)>& on_study) {
  if (options.studies < 1 || options.first < 0)
    throw Error(Error::Kind::bad_input, "simulate: studies must be at least 1 and first not negative");
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) throw Error(Error::Kind::io, directory.string() + ": cannot be made: " + failure.message());
  int done = 0;
  std::mutex reporting;
  side_by_side(static_cast<std::size_t>(options.studies), studies_at_once(device_from_name(options.device)),
               [&](std::size_t i) {
                 add_study(anatomies, options, options.first + static_cast<int>(i), directory);
                 const std::scoped_lock lock(reporting);
                 if (on_study) on_study(++done);
               });
}

}  // namespace metserve::models
