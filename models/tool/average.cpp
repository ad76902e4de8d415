#include "models/networks/average.h"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "models/networks/network_file.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {
namespace {

struct AverageArguments {
  std::vector<std::string> weights;
  std::string output;
};

void run(const AverageArguments& a) {
  std::vector<Network> networks;
  std::string titles;
  for (const std::string& file : a.weights) {
    networks.push_back(load_network(file));
    titles += (titles.empty() ? "[" : " and [") + title_of_weights(file) + "]";
  }
  const Network mean = average(networks);
  save_network(mean, {{mean_of_key, titles}}, false, a.output);
  std::printf("%s: %s\n", a.output.c_str(), describe(mean->config()).c_str());
}

}  // namespace

void add_average(CLI::App& program) {
  auto a = std::make_shared<AverageArguments>();
  CLI::App* c =
      program.add_subcommand("average", "the mean of weights that were trained on from the same ones");
  c->add_option("weights", a->weights, "safetensors of one network: of packages or of runs")
      ->required()
      ->expected(2, 64);
  c->add_option("-o,--output", a->output, "safetensors to write")->required();
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
