#pragma once

#include <filesystem>

#include "models/networks/network.h"

namespace metserve::models {

/// A network that another program made, as a TorchScript module: executable code. It is given what `forward`
/// is given, absent sequences zero and, with `config.dropout`, the others multiplied by 4/n, and gives logits
/// [N, 1, H, W], or a dictionary that has them as "out", as torchvision's networks do. `config.network` is
/// "torchscript"; of the rest slots, slices, dropout and subset count. Throws Error(bad_input) that names the
/// file when it is no module; `forward` throws it when the module gives something else.
Network load_torchscript(const std::filesystem::path& file, const NetworkConfig& config);

}  // namespace metserve::models
