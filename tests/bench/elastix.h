#pragma once

#include <filesystem>

#include "dicom/volume.h"
#include "pipeline/registration.h"

namespace metserve::bench {

struct ElastixResult {
  pipeline::RigidTransform fixed_to_moving;
  double cpu_s = 0;  ///< of the whole program, reading the images included
  double reading_s =
      0;  ///< what reading them took, by its log: a wall clock's time, so no less than CPU time
};

/// Whether the program `elastix` (Debian package of that name) can be started.
bool has_elastix();

/// Registers with elastix: Mattes mutual information, 32 bins, adaptive stochastic gradient descent, 4
/// resolutions of 250 iterations (the parameters that its manual gives for rigid registration of heads), one
/// thread, from the DICOM geometry as we start. `folder` takes its files. Throws std::runtime_error when it
/// fails.
ElastixResult run_elastix(const dicom::Volume& fixed, const dicom::Volume& moving,
                          const std::filesystem::path& folder);

}  // namespace metserve::bench
