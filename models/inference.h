#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "models/networks/network.h"
#include "models/precision.h"
#include "models/slots.h"

namespace metserve::models {

struct InferenceOptions {
  torch::Device device = torch::kCPU;  ///< where the network is
  Precision precision = Precision::float32;
  int batch = 4;  ///< slices at a time, >= 1
  /// Slices where any voxel has this probability get the mean of the log-odds of the image and of its mirror
  /// image from left to right. 0: all of them; absent: none.
  std::optional<double> mirrored_from;
  std::vector<std::int64_t> slices;         ///< which centre slices to predict; empty: all
  std::function<void(double)> on_progress;  ///< called with the share done, 0..1
};

/// Slides the network over the slices of a study; end slices are replicated. Of each slice only the box
/// around what the network sees of the head there is computed (the sides are multiples of 16), elsewhere they
/// are minus infinity. So a slice's result does not depend on which others are asked for.
/// `images`: [4, D, H, W], float32 in [0, 1] or uint8 in 0..255. Sequences that are not `available`, or that
/// the network was not trained on, are ignored.
/// Returns log-odds [number of slices, H, W] float32 on the CPU. Throws Error(bad_input) on an empty set.
torch::Tensor predict(const Network& network, const torch::Tensor& images, SlotSet available,
                      const InferenceOptions& options);

}  // namespace metserve::models
