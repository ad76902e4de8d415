#include "server/commands/program.h"

int main(int argc, char** argv) {
  return metserve::server::run_program(argc, argv);
}
