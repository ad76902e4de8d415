#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "models/device.h"
#include "models/inference.h"
#include "models/networks/network_file.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {
namespace {

struct BenchArguments {
  std::string weights, device = "cpu", precision = "auto";
  std::vector<std::int64_t> head{224, 192};
  int slices = 160, repeats = 3, threads = 0;
};

double seconds(const Network& network, const torch::Tensor& images, const InferenceOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  predict(network, images, SlotSet().set(), options);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run(const BenchArguments& a) {
  if (a.threads > 0) at::set_num_threads(a.threads);
  const Network network = load_network(a.weights);
  InferenceOptions options;
  options.device = device_from_name(a.device);
  options.precision = precision_from_name(a.precision, options.device);
  options.batch = options.device.is_cuda() ? 32 : 4;
  network->to(options.device);
  torch::Tensor images = torch::zeros({static_cast<std::int64_t>(slot_count), a.slices, 256, 256});
  images.narrow(2, (256 - a.head[0]) / 2 + 4, a.head[0] - 8)
      .narrow(3, (256 - a.head[1]) / 2 + 4, a.head[1] - 8)
      .fill_(0.5);
  seconds(network, images.narrow(1, 0, std::min(8, a.slices)), options);  // warm
  std::vector<double> times;
  for (int i = 0; i < a.repeats; ++i) times.push_back(seconds(network, images, options));
  std::sort(times.begin(), times.end());
  std::printf(
      "%.2f million parameters, %d slices, head %ld x %ld, %d threads, %s: median %.2f s, fastest %.2f s\n",
      static_cast<double>(parameter_count(*network)) / 1e6, a.slices, static_cast<long>(a.head[0]),
      static_cast<long>(a.head[1]), at::get_num_threads(),
      options.precision == Precision::bfloat16 ? "bfloat16" : "float32", times[times.size() / 2],
      times.front());
}

}  // namespace

void add_bench(CLI::App& program) {
  auto a = std::make_shared<BenchArguments>();
  CLI::App* c = program.add_subcommand("bench", "time the forward passes of one study");
  c->add_option("--weights", a->weights, "safetensors as `train` writes them")->required();
  c->add_option("--slices", a->slices, "of the study")->check(CLI::Range(1, 1000));
  c->add_option("--head", a->head, "rows and columns of the head's box")
      ->expected(2)
      ->check(CLI::Range(32, 256));
  c->add_option("--repeats", a->repeats, "timed runs")->check(CLI::Range(1, 1000));
  c->add_option("--threads", a->threads, "CPU threads, 0: all");
  c->add_option("--device", a->device, "cpu, cuda or cuda:N");
  c->add_option("--precision", a->precision, "auto, float32 or bfloat16");
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
