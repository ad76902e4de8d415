#include <memory>
#include <string>

#include <torch/types.h>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "models/safetensors.h"
#include "models/tool/commands.h"
#include "models/tool/network_options.h"

namespace metserve::models::tool {
namespace {

struct ForwardArguments {
  NetworkConfig network;
  std::string weights, save_weights, input, output, kept;
  bool no_dropout = false;
};

/// [N, slots * slices, H, W] float32 as the network takes it.
torch::Tensor input_in(const std::string& file, const NetworkConfig& network) {
  const Safetensors contents = read_safetensors(file);
  try {
    const torch::Tensor input =
        contents.get("input", torch::kFloat32, {-1, network.slots * network.slices, -1, -1});
    if (input.numel() == 0 || input.size(2) % 16 != 0 || input.size(3) % 16 != 0)
      throw Error(Error::Kind::bad_input, "rows and columns of 'input' must be multiples of 16");
    return input;
  } catch (const Error& error) {
    throw Error(error.kind(), file + ": " + error.what());
  }
}

void run(const ForwardArguments& a) {
  NetworkConfig config = a.network;
  config.dropout = !a.no_dropout;
  const Network network = make_network(config);
  if (!a.weights.empty()) load_state(*network, read_safetensors(a.weights).tensors);
  if (!a.save_weights.empty()) save_network(network, {}, false, a.save_weights);
  network->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor input = input_in(a.input, config);
  const SlotSet kept = a.kept.empty() ? SlotSet().set() : slots_in(a.kept);
  Safetensors output;
  output.tensors["logits"] =
      network->forward(input, std::vector<SlotSet>(static_cast<std::size_t>(input.size(0)), kept));
  write_safetensors(output, a.output);
}

}  // namespace

void add_forward(CLI::App& program) {
  auto a = std::make_shared<ForwardArguments>();
  CLI::App* c = program.add_subcommand("forward", "one float32 forward pass, to compare with other programs");
  c->add_option("--weights", a->weights, "safetensors with torchvision's parameter names; random without");
  c->add_option("--save-weights", a->save_weights, "safetensors to write the weights to");
  c->add_option("--input", a->input, "safetensors with 'input' float32 [N, slots * slices, H, W]")
      ->required();
  c->add_option("-o,--output", a->output, "safetensors to write 'logits' to")->required();
  c->add_option("--kept", a->kept, "sequences that are there, ids separated by commas; all without it");
  c->add_flag("--no-dropout", a->no_dropout, "absent sequences are zero at the input, nothing is scaled");
  add_network_options(*c, a->network);
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
