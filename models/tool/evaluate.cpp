#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "models/error.h"
#include "models/evaluation.h"
#include "models/networks/network_file.h"
#include "models/study.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {
namespace {

struct Arguments {
  EvaluationOptions options;
  std::string data, weights, output;
  std::string subsets = "one-missing";
};

std::vector<SlotSet> subsets_named(const std::string& name) {
  if (name == "full") return {SlotSet().set()};
  if (name == "one-missing") return full_and_one_missing();
  if (name == "all") return all_subsets();
  if (name == "bravo") return {SlotSet().set(), SlotSet().set().reset(index(Slot::t1_gre_post))};
  throw Error(Error::Kind::bad_input,
              "--subsets '" + name + "' is unknown: use full, bravo, one-missing or all");
}

void write(const std::string& text, const std::filesystem::path& file) {
  std::ofstream stream(file, std::ios::trunc);
  stream << text;
  if (!stream.flush()) throw Error(Error::Kind::io, file.string() + ": cannot be written");
}

void run(const Arguments& arguments) {
  EvaluationOptions options = arguments.options;
  options.subsets = subsets_named(arguments.subsets);
  const std::vector<Study> studies = read_studies(arguments.data, ClaheOptions{});
  const auto figures = evaluate(load_network(arguments.weights), studies, options, [](double share) {
    std::fprintf(stderr, "\r%3.0f %%", 100 * share);
    std::fflush(stderr);
  });
  std::fprintf(stderr, "\n");
  std::filesystem::create_directories(arguments.output);
  const std::filesystem::path output = arguments.output;
  write(to_json(figures), output / "evaluation.json");
  write(to_table(figures), output / "table.md");
  std::printf("%s", to_table(figures).c_str());
  for (const SubsetFigures& f : figures)
    std::printf("%s: threshold of the best Dice %.4f (%.3f), of Youden's index %.4f\n",
                describe(f.subset).c_str(), f.best_threshold, f.best_threshold_dice, f.youden_threshold);
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto a = std::make_shared<Arguments>();
  CLI::App* c = program.add_subcommand("evaluate", "score weights on a cache of studies");
  c->add_option("--data", a->data, "directory of studies")->required();
  c->add_option("--weights", a->weights, "best.safetensors of a run, or weights.safetensors of a package")
      ->required();
  c->add_option("-o,--output", a->output, "directory for evaluation.json and table.md")->required();
  c->add_option("--subsets", a->subsets, "full, bravo (all four and without BRAVO), one-missing or all");
  c->add_option("--threshold", a->options.threshold, "on the probability");
  c->add_option("--minimum-volume", a->options.minimum_volume_mm3, "mm3, of a predicted component");
  c->add_option("--threads", a->options.threads, "CPU threads, 0: all");
  c->add_option("--device", a->options.device, "cpu, cuda or cuda:N");
  c->add_option("--precision", a->options.precision, "auto, float32 or bfloat16");
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
