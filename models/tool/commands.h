#pragma once

#include <CLI/CLI.hpp>

namespace metserve::models::tool {

// Each adds one subcommand whose callback does the work and throws models::Error.
void add_average(CLI::App& program);
void add_simulate(CLI::App& program);
void add_train(CLI::App& program);
void add_evaluate(CLI::App& program);
void add_bench(CLI::App& program);
void add_compare(CLI::App& program);
void add_forward(CLI::App& program);
void add_import(CLI::App& program);
void add_score(CLI::App& program);
void add_publish(CLI::App& program);  ///< only where the manifest can be written

}  // namespace metserve::models::tool
