#pragma once

#include <vector>

#include "models/networks/network.h"

namespace metserve::models {

/// The network whose parameters are the means of those of `networks`. Where all of them were trained on from
/// the same weights it can generalise better than each, for no more time in service (Izmailov 2018,
/// stochastic weight averaging; Wortsman 2022, model soups); networks that began from other random values
/// have nothing in common to average. Running statistics are averaged as well, where Izmailov 2018 counts
/// them anew. In evaluation mode, channels-last, on the CPU. Throws Error(bad_input) when there are none, or
/// when they are not of one configuration.
Network average(const std::vector<Network>& networks);

}  // namespace metserve::models
