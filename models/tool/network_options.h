#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "models/networks/network_config.h"

namespace metserve::models::tool {

/// "t1_gre_post,flair" as a set. Throws Error(bad_input) that names an unknown id.
SlotSet slots_in(const std::string& text);

/// The options that choose a network, as `train` and `forward` take them. `network` must live as long as the
/// command.
void add_network_options(CLI::App& command, NetworkConfig& network);

}  // namespace metserve::models::tool
