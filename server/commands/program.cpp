#include "server/commands/program.h"

#include <cstdio>
#include <sstream>
#include <string>

#include "models/device.h"
#include "server/commands/commands.h"
#include "server/error_table.h"

namespace metserve::server {
namespace {

constexpr int work_failed = 1;
constexpr int wrong_call = 2;

void print_error(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) std::fprintf(stderr, "metserve: %s\n", line.c_str());
}

int parse_error(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
    return program.exit(error);  // --help
  std::string what = error.what();
  for (char& c : what) {
    if (c == '\n') c = ' ';
  }
  print_error(what + " (metserve --help and metserve COMMAND --help list what there is)");
  return wrong_call;
}

}  // namespace

int run_program(int argc, char** argv) {
  models::use_all_cores();
  int status = 0;
  CLI::App program("MetServe: segments brain metastases on MRI. Research software, no medical device.",
                   "metserve");
  program.set_version_flag("--version", METSERVE_VERSION);
  program.require_subcommand(1);
  add_serve(program, status);
  add_studies(program);
  add_segment(program);
  add_match(program);
  add_simulate(program);
  add_prepare(program);
  add_train(program);
  add_evaluate(program);
  add_check(program, status);
  try {
    program.parse(argc, argv);
    return status;
  } catch (const CLI::ParseError& error) {
    return parse_error(program, error);
  } catch (const std::exception& error) {
    print_error(reason_of(error));
    return kind_of(error) == ErrorKind::bad_call ? wrong_call : work_failed;
  }
}

}  // namespace metserve::server
