#pragma once

#include <array>

#include <torch/types.h>

#include "models/simulator.h"
#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// A patient's head, before it is posed. `tissue`: [D, H, W] uint8 of Tissue, axes as Anatomy's, cropped to
/// the head. `brain_centre`: the middle of the brain's bounding box (slice, row, column), voxels.
struct Head {
  torch::Tensor tissue;
  double spacing_mm = 1.0;
  std::array<double, 3> brain_centre{};
};

/// The labels as tissues without their islands (remove_islands), with what no label map has: dura on the
/// inner table, falx and tentorium, the pituitary below the optic chiasm, fat and muscle told apart, and a
/// choroid plexus of this patient. Throws Error(bad_input) when the labels are not a volume or hold no brain.
Head prepare_head(const Anatomy& anatomy, Random& random, torch::Device device);

}  // namespace metserve::models::simulator
