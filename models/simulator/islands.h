#pragma once

#include <torch/types.h>

namespace metserve::models::simulator {

/// Label maps that a program made hold fragments of choroid plexus in the walls of the ventricles, in their
/// frontal and occipital horns too, where there is none, of arteries and veins amid brain tissue, and of
/// bone, muscle, mucosa and skin in fluid. They are balls that enhance, or get a shell of dura that does,
/// which nobody could tell from a metastasis and the truth does not hold. Parts (26-connected) of less than
/// 100 mm3 become what they touch most: of the plexus wherever they lie, of vessels those with more contacts
/// to brain and ventricles than to all else, of the others those within the skull. `tissue`: [D, H, W] uint8
/// of Tissue, cubic voxels of `spacing_mm`.
void remove_islands(torch::Tensor& tissue, double spacing_mm);

}  // namespace metserve::models::simulator
