#pragma once

#include "models/segmenter.h"

namespace metserve::server {

/// Runs a small, fixed input through the network. Throws models::Error(device) when what comes out is no
/// probability: that device cannot be trusted with a study.
void run_canary(const models::Segmenter& segmenter);

}  // namespace metserve::server
