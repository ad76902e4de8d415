#pragma once

#include <CLI/CLI.hpp>

#include "models/lesion_rule.h"

namespace metserve::server {

/// What a user of one command wants instead of the model's own rule.
void add_lesion_rule_options(CLI::App& command, models::LesionRuleChanges& changes);

}  // namespace metserve::server
