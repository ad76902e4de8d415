#pragma once

namespace metserve::server {

/// Runs the command that the arguments name. Returns the exit status: 0 success, 1 the work failed, 2 the
/// call or the configuration is wrong. Errors are one line each on standard error.
int run_program(int argc, char** argv);

}  // namespace metserve::server
