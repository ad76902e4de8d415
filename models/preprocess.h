#pragma once

#include <torch/types.h>

#include "models/clahe_options.h"

namespace metserve::models {

/// True inside the head (skin and all that it encloses), false in the air around it.
/// `volume`: [D, H, W] float32, any intensity unit, axial slices. Returns [D, H, W] bool on the same device.
torch::Tensor head_mask(const torch::Tensor& volume);

/// `slices`: [N, H, W] float32 in [0, 1]. Returns the same shape in [0, 1], on the same device. Like all here
/// it works on the CPU, so that training and serving see the same bytes, for every number of threads.
torch::Tensor clahe(const torch::Tensor& slices, const ClaheOptions& options);

/// One sequence of one study, ready for the network: robust scaling to [0, 1] within the head, CLAHE per
/// axial slice, zero outside the head. `volume`: [D, 256, 256] float32 on the network grid, any intensity
/// unit. Returns [D, 256, 256] float32 in [0, 1], on the same device.
torch::Tensor preprocess_sequence(const torch::Tensor& volume, const ClaheOptions& options);

/// The same in place; `volume` must be contiguous and on the CPU.
void preprocess_sequence_(const torch::Tensor& volume, const ClaheOptions& options);

}  // namespace metserve::models
