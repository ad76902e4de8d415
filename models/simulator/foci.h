#pragma once

#include <torch/types.h>

#include "models/simulator/pose.h"
#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// Small vessel disease, which half of the patients have: foci of 2 to 8 mm in the white matter and caps on
/// the ventricles, bright in FLAIR and without enhancement, so that FLAIR alone does not give a metastasis
/// away. `tissue`: [D, H, W] uint8 of Tissue on the canvas, on the CPU. Returns each voxel's share: [D, H, W]
/// float32 in 0..1, on the CPU; undefined for a patient without.
torch::Tensor draw_white_matter_foci(const torch::Tensor& tissue, const Canvas& canvas, Random& random);

}  // namespace metserve::models::simulator
