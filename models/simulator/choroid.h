#pragma once

#include <torch/types.h>

#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// No two patients' choroid plexus are alike, and its round parts (the glomus in the atrium above all)
/// enhance like metastases do: up to six of 3 to 12 mm grow from it into the ventricle, in the further
/// posterior half more often. `tissue`: [D, H, W] uint8 of Tissue, axes as Anatomy's, cubic voxels of
/// `spacing_mm`; ventricle in it becomes choroid.
void grow_choroid(torch::Tensor& tissue, double spacing_mm, Random& random);

}  // namespace metserve::models::simulator
