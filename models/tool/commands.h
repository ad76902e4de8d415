#pragma once

#include <CLI/CLI.hpp>

namespace metserve::models::tool {

// Each adds one subcommand whose callback does the work and throws models::Error.
void add_simulate(CLI::App& program);
void add_train(CLI::App& program);

}  // namespace metserve::models::tool
