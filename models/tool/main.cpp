#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "models/device.h"
#include "models/error.h"
#include "models/tool/commands.h"

// metserve-models: simulate, train, evaluate and time on a machine that has LibTorch alone.
int main(int argc, char** argv) {
  metserve::models::use_all_cores();
  metserve::models::keep_freed_memory();
  CLI::App program("Networks of MetServe: simulate training data, train, evaluate, time");
  program.require_subcommand(1);
  program.option_defaults()->always_capture_default();
  metserve::models::tool::add_simulate(program);
  metserve::models::tool::add_train(program);
  metserve::models::tool::add_evaluate(program);
  metserve::models::tool::add_compare(program);
  metserve::models::tool::add_score(program);
  metserve::models::tool::add_bench(program);
  metserve::models::tool::add_forward(program);
  metserve::models::tool::add_import(program);
  metserve::models::tool::add_average(program);
#ifdef METSERVE_MODEL_PACKAGE
  metserve::models::tool::add_publish(program);
#endif
  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  } catch (const metserve::models::Error& error) {
    std::fprintf(stderr, "metserve-models: %s\n", error.what());
    return error.kind() == metserve::models::Error::Kind::bad_input ? 2 : 1;
  } catch (const std::exception& error) {
    const std::string text = error.what();  // LibTorch's go on with a stack
    std::fprintf(stderr, "metserve-models: %s\n", text.substr(0, text.find('\n')).c_str());
    return 1;
  }
}
