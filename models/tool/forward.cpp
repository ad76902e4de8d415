#include <memory>
#include <string>

#include <torch/torch.h>

#include "models/network_file.h"
#include "models/safetensors.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {

void add_forward(CLI::App& program) {
  struct Arguments {
    NetworkConfig network;
    std::string weights, input, output;
  };
  auto a = std::make_shared<Arguments>();
  CLI::App* c = program.add_subcommand("forward", "one float32 forward pass, to compare with other programs");
  c->add_option("--weights", a->weights, "safetensors with torchvision's parameter names")->required();
  c->add_option("--input", a->input, "safetensors with 'input' float32 [N, slots * slices, H, W]")
      ->required();
  c->add_option("-o,--output", a->output, "safetensors to write 'logits' to")->required();
  c->add_option("--backbone", a->network.backbone, "resnet18, resnet34, resnet50 or resnet101");
  c->add_option("--output-stride", a->network.output_stride, "4, 8 or 16");
  c->callback([a] {
    DeepLabV3 network(a->network);
    load_state(*network, read_safetensors(a->weights).tensors);
    network->eval();
    const torch::NoGradGuard no_grad;
    const Safetensors input = read_safetensors(a->input);
    Safetensors output;
    output.tensors["logits"] = network(input.get("input", torch::kFloat32, {-1, -1, -1, -1}));
    write_safetensors(output, a->output);
  });
}

}  // namespace metserve::models::tool
