#pragma once

#include <torch/types.h>

namespace metserve::models::simulator {

/// Label maps that a program made hold fragments of choroid plexus in the walls of the ventricles, in their
/// frontal and occipital horns too, where there is none, and of arteries and veins amid brain tissue: balls
/// that enhance, which nobody could tell from a metastasis and the truth does not hold. Parts (26-connected)
/// of the plexus of less than 100 mm3, wherever they lie, and of vessels those that have more contacts to
/// brain than to all else, become what they touch most. `tissue`: [D, H, W] uint8 of Tissue, cubic voxels of
/// `spacing_mm`.
void remove_islands(torch::Tensor& tissue, double spacing_mm);

}  // namespace metserve::models::simulator
