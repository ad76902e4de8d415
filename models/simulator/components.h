#pragma once

#include <torch/types.h>

namespace metserve::models::simulator {

/// The largest face-connected (6-connected) part of `mask` [D, H, W] bool on the CPU; of several that are
/// equally large, the first in raster order. An empty mask stays empty.
torch::Tensor largest_component(const torch::Tensor& mask);

}  // namespace metserve::models::simulator
