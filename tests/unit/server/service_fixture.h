#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "models/slots.h"
#include "server/config.h"
#include "server/logging.h"
#include "tests/temporary_directory.h"

namespace metserve::server {

/// A model package with a small network of random weights, in `directory`.
void write_random_model(const std::filesystem::path& directory);

/// The images of a study with one coarse sequence, an ellipsoid as GE would send a head, below `directory`;
/// axial slices, or sagittal ones.
std::vector<std::filesystem::path> write_one_sequence_study(models::Slot slot,
                                                            const std::filesystem::path& directory,
                                                            bool sagittal = false);

/// A directory with a model, a configuration that uses it on free ports of 127.0.0.1, and a log.
struct ServiceFixture {
  ServiceFixture();

  TemporaryDirectory directory;
  Config config;
  Log log;

  /// What was logged so far.
  std::string logged() const;
};

/// True as soon as `condition` is, false after `seconds`.
bool soon(const std::function<bool()>& condition, int seconds = 60);

}  // namespace metserve::server
