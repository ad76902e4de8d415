#include <cstdio>
#include <memory>
#include <string>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "models/safetensors.h"
#include "models/tool/commands.h"
#include "models/tool/network_options.h"

namespace metserve::models::tool {
namespace {

struct ImportArguments {
  NetworkConfig network;
  std::string weights, output;
  bool no_dropout = false;
};

void run(const ImportArguments& a) {
  NetworkConfig config = a.network;
  config.dropout = !a.no_dropout;
  const Network network = make_network(config);
  try {
    load_state(*network, read_safetensors(a.weights).tensors);
  } catch (const Error& error) {
    throw Error(error.kind(), a.weights + ": " + error.what());
  }
  save_network(network, {}, false, a.output);
  std::printf("%s: %s\n", a.output.c_str(), describe(config).c_str());
}

}  // namespace

void add_import(CLI::App& program) {
  auto a = std::make_shared<ImportArguments>();
  CLI::App* c = program.add_subcommand(
      "import", "weights of another program, for train --start-from, evaluate, publish and bench");
  c->add_option("--weights", a->weights, "safetensors with torchvision's parameter names")->required();
  c->add_option("-o,--output", a->output, "safetensors to write, which says what network it is of")
      ->required();
  c->add_flag("--no-dropout", a->no_dropout, "the network was trained without input dropout");
  add_network_options(*c, a->network);
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
