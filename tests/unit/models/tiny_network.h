#pragma once

#include "models/networks/network_config.h"

namespace metserve::models {

/// The bundled kind of network, small enough for tests of what surrounds it.
inline NetworkConfig tiny_network() {
  NetworkConfig config;
  config.width = 8;
  config.aspp_channels = 8;
  return config;
}

}  // namespace metserve::models
