#pragma once

#include "models/model_package.h"
#include "models/networks/network.h"

namespace metserve::models {

/// Throws Error(bad_input) when keys or shapes of the weights do not fit the manifest's network (naming the
/// first), or the module cannot be read.
Network packaged_network(const ModelPackage& package);

}  // namespace metserve::models
