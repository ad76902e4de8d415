#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "models/preprocess.h"
#include "models/simulator.h"

namespace metserve::models {

struct CacheOptions {
  int studies = 90;        ///< how many, >= 1
  int first = 0;           ///< number of the first, >= 0; lets several processes share the work
  std::uint64_t seed = 1;  ///< of the whole set: study i is simulated with a seed made from this and i
  ClaheOptions clahe;
  SimulatorOptions simulator{.random_contrasts = 0.25};  ///< seed, native geometry and field strength are
                                                         ///< set per study
  std::string device = "cpu";                            ///< that simulates
};

/// Simulates studies on the network grid, preprocesses them and writes one cache file each
/// (`study_0000.safetensors`, ...) into `directory`; files that are already there are kept, when
/// they were made with the same options. Study i uses
/// anatomy i modulo their number; without anatomies each gets a procedural head. On the CPU
/// as many studies are simulated side by side as LibTorch has threads, each with one (about 0.8 GB a study).
/// `on_study` is called with the number of studies done, by one thread at a time. Throws Error(bad_input) on
/// options out of range or a file of other options, Error(io).
void build_cache(const std::vector<Anatomy>& anatomies, const CacheOptions& options,
                 const std::filesystem::path& directory, const std::function<void(int)>& on_study);

}  // namespace metserve::models
