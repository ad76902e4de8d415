#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/lesion_rule.h"
#include "models/networks/network_config.h"
#include "models/preprocess.h"
#include "models/slots.h"

namespace metserve::models {

/// What one sequence subset is expected to reach, measured on the test set that the card names.
struct ExpectedFigures {
  double dice = 0;             ///< voxel Dice, 0..1, mean over studies
  double sensitivity_5mm = 0;  ///< share of lesions of 5 mm or more that were found
  double false_positives = 0;  ///< components of at least the minimum volume touching no truth, per study
};

/// `model.yaml`: what the weights are, how their input is made, and what may be expected of them.
struct Manifest {
  std::string name;
  std::string version;
  NetworkConfig network;
  std::vector<std::string> slot_order;  ///< slot ids in channel order
  std::array<double, 3> spacing_mm{};   ///< network grid, column, row, slice
  ClaheOptions clahe;
  std::optional<double> mirrored_from;  ///< see InferenceOptions
  LesionRule rule;
  std::map<std::string, LesionRule> rules;  ///< by subset of the network's sequences, keys as in `expected`:
                                            ///< instead of `rule`, with its minimum volume
  std::string intended_use;
  std::string training_data;
  std::string weights_sha256;                       ///< lower-case hex of the weights' file
  std::map<std::string, ExpectedFigures> expected;  ///< key: slot ids joined with '+', in channel order
};

/// The rule for what the network sees of the sequences in `subset`.
LesionRule rule_for(const Manifest& manifest, SlotSet subset);

/// A model directory: model.yaml, weights.safetensors (or module.pt), CARD.md.
struct ModelPackage {
  std::filesystem::path directory;
  Manifest manifest;

  /// `weights.safetensors`, or `module.pt`.
  std::filesystem::path weights_file() const;

  /// Reads and checks the manifest and the weights' hash. Throws Error(bad_input) that names the key or file
  /// that does not fit, or a TorchScript module that is not allowed: it is executable code.
  static ModelPackage load(const std::filesystem::path& directory, bool torchscript_allowed = false);
};

void write_manifest(const Manifest& manifest, const std::filesystem::path& file);

}  // namespace metserve::models
