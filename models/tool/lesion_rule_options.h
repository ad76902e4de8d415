#pragma once

#include <CLI/CLI.hpp>

#include "models/lesion_rule.h"

namespace metserve::models::tool {

/// The options that say which components of a probability map are predictions. `rule` must live as long as
/// the command.
void add_lesion_rule_options(CLI::App& command, LesionRule& rule);

}  // namespace metserve::models::tool
