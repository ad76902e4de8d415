#pragma once

#include <cstddef>
#include <functional>

#include <torch/types.h>

namespace metserve::models {

/// How many studies to work on at once: on the CPU as many as LibTorch has threads, on a GPU one.
int studies_at_once(const torch::Device& device);

/// Calls `work` with every number below `count`, on so many `threads`, each of which computes alone: the
/// small convolutions of one study leave several threads waiting for each other. One call, or one thread, is
/// made here, with all of LibTorch's threads. Returns when all have ended; what one throws is thrown again,
/// and what was not begun then is left.
void side_by_side(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace metserve::models
