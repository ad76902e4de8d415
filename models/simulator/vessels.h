#pragma once

#include <torch/types.h>

#include "models/simulator/pose.h"
#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// Cortical veins and arteries that wind through the sulci, and medullary veins in the white matter: random
/// walks drawn as tubes of 0.4 to 1.6 mm radius, those in sulci where they come 8 mm away from their start.
/// They enhance like small metastases do.
/// `tissue`: [D, H, W] uint8 of Tissue on the canvas, on the CPU.
/// Returns the share of each voxel that they fill: [D, H, W] float32 in 0..1, on the CPU.
torch::Tensor draw_vessels(const torch::Tensor& tissue, const Canvas& canvas, Random& random);

}  // namespace metserve::models::simulator
