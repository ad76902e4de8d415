#include <cstdio>
#include <memory>
#include <string>

#include "models/error.h"
#include "models/evaluation.h"
#include "models/networks/network_file.h"
#include "models/report/report.h"
#include "models/slot_list.h"
#include "models/study.h"
#include "models/tool/commands.h"
#include "models/tool/lesion_rule_options.h"

namespace metserve::models::tool {
namespace {

struct EvaluateArguments {
  EvaluationOptions options;
  std::string data, weights, output, threshold_from;
  std::string subsets = "one-missing";
  int pictures = 4;
};

/// Youden's index on studies of their own, as Groevik 2020 and 2021 choose it.
double youden_threshold_on(const std::string& directory, const Network& network, EvaluationOptions options) {
  options.subsets = {SlotSet().set()};
  const std::vector<Study> studies = read_studies(directory, ClaheOptions{});
  const auto threshold = evaluate(network, studies, options, {}).front().youden_threshold;
  if (!threshold)
    throw Error(Error::Kind::bad_input, directory + ": no study with a lesion that the network can see");
  return *threshold;
}

void run(const EvaluateArguments& arguments) {
  EvaluationOptions options = arguments.options;
  options.subsets = subsets_named(arguments.subsets);
  const std::vector<Study> studies = read_studies(arguments.data, ClaheOptions{});
  const Network network = load_network(arguments.weights);
  if (!arguments.threshold_from.empty()) {
    options.rule.threshold = youden_threshold_on(arguments.threshold_from, network, options);
    std::printf("threshold %.4g\n", options.rule.threshold);
  }
  ReportOptions report;
  report.model = describe(network->config()) + ": " + arguments.weights;
  report.data = std::to_string(studies.size()) + " studies of " + arguments.data;
  add_pictures(options, arguments.pictures, report);
  const auto figures = evaluate(network, studies, options, [](double share) {
    std::fprintf(stderr, "\r%3.0f %%", 100 * share);
    std::fflush(stderr);
  });
  std::fprintf(stderr, "\n");
  write_report(figures, report, arguments.output);
  std::printf("%s", to_table(figures).c_str());
  for (const SubsetFigures& f : figures)
    if (f.best_threshold)
      std::printf("%s: threshold of the best Dice %.4g (%.3f), of Youden's index %.4g, by study %.4g\n",
                  describe(f.subset).c_str(), *f.best_threshold, *f.best_threshold_dice, *f.youden_threshold,
                  f.youden_threshold_by_study.mean);
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto a = std::make_shared<EvaluateArguments>();
  CLI::App* c = program.add_subcommand("evaluate", "score weights on a cache of studies");
  c->add_option("--data", a->data, "directory of studies")->required();
  c->add_option("--weights", a->weights, "best.safetensors of a run, or weights.safetensors of a package")
      ->required();
  c->add_option("-o,--output", a->output, "directory for report.html, its tables and plots")->required();
  c->add_option("--subsets", a->subsets,
                "full, without-SEQUENCE, one-missing, all or SEQUENCE+SEQUENCE; several with commas");
  c->add_option("--pictures", a->pictures, "examples in the report");
  add_lesion_rule_options(*c, a->options.rule);
  c->add_option("--threshold-from", a->threshold_from,
                "directory of validation studies: the threshold is that of Youden's index on them")
      ->excludes("--threshold");
  c->add_option("--threads", a->options.threads, "CPU threads, 0: all");
  c->add_option("--device", a->options.device, "cpu, cuda or cuda:N");
  c->add_option("--precision", a->options.precision, "auto, float32 or bfloat16");
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
