#pragma once

#include <CLI/CLI.hpp>

namespace metserve::server {

// Each adds one subcommand. Its callback does the work, throws when that fails, and leaves the exit status in
// `status` where the work itself has an answer.
void add_serve(CLI::App& program, int& status);
void add_segment(CLI::App& program);
void add_match(CLI::App& program);
void add_simulate(CLI::App& program);
void add_prepare(CLI::App& program);
void add_train(CLI::App& program);
void add_evaluate(CLI::App& program);
void add_studies(CLI::App& program);
void add_check(CLI::App& program, int& status);

}  // namespace metserve::server
