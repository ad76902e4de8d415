#pragma once

#include <filesystem>
#include <map>

#include "dicom/study.h"
#include "models/segmenter.h"
#include "models/simulator.h"
#include "pipeline/registration.h"

namespace metserve::pipeline::test {

/// A small network of the right architecture with random weights; `directory` receives them. Inside of a head
/// it says something above 0, outside 0.
models::Segmenter random_segmenter(const std::filesystem::path& directory);

/// What the phantom's protocol makes of an image: physics of the slot, seen after the patient moved.
models::SimulatedSequence sequence_of(models::Slot slot, models::SpatialImage image,
                                      const RigidTransform& motion);

/// The phantom head as a simulated study of 2 mm: axial BRAVO, sagittal others, each moved as given.
models::SimulatedStudy phantom_study(const std::map<models::Slot, RigidTransform>& motions);

/// Writes `study` as GE would and reads its headers.
dicom::Study scanned(const models::SimulatedStudy& study, const std::filesystem::path& directory);

}  // namespace metserve::pipeline::test
