#pragma once

#include <torch/types.h>

#include "models/study.h"

namespace metserve::models {

/// The lesion-wise Dice of the BraTS-METS challenge (Moawad 2023, arXiv 2306.00838), for comparison with its
/// figures. The truth is dilated once by the 18-neighbourhood; what is then one 26-connected component is one
/// lesion; predicted components that touch the dilated lesion are merged and compared with the lesion as it
/// was. Lesions of at most 2 mm3 are left out, false positives of any size are not:
/// sum of Dice / (lesions + false positives). With neither it is 1. `predicted`: [D, H, W] bool on the
/// study's grid.
double lesion_wise_dice(const torch::Tensor& predicted, const Study& study);

}  // namespace metserve::models
