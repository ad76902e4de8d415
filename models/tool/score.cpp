#include <filesystem>
#include <memory>
#include <string>

#include <torch/types.h>

#include "models/directory.h"
#include "models/error.h"
#include "models/evaluation.h"
#include "models/report/report.h"
#include "models/safetensors.h"
#include "models/tool/commands.h"
#include "models/tool/lesion_rule_options.h"

namespace metserve::models::tool {
namespace {

struct ScoreArguments {
  EvaluationOptions options;
  std::string data, predictions, output;
};

/// The log-odds of the probabilities in `file`.
torch::Tensor read_map(const std::filesystem::path& file, const Study& study) {
  const Safetensors contents = read_safetensors(file);
  try {
    const torch::Tensor map = contents.get("probability", torch::kFloat32, study.truth.sizes().vec());
    if (!map.ge(0).logical_and(map.le(1)).all().item<bool>())  // what is no number is neither
      throw Error(Error::Kind::bad_input, "a probability is not between 0 and 1");
    return map.to(torch::kFloat64).logit().to(torch::kFloat32);
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  }
}

void run(const ScoreArguments& a) {
  std::vector<Study> studies;
  for (const auto& file : files_in(a.data, {".safetensors"}, "study")) {
    studies.push_back(read_study(file, ClaheOptions{}));
    studies.back().name = file.stem().string();
  }
  const auto predictor = [&a](const Study& study, SlotSet) {
    return read_map(std::filesystem::path(a.predictions) / (study.name + ".safetensors"), study);
  };
  ReportOptions report;
  report.model = "Probability maps of " + a.predictions;
  report.data = std::to_string(studies.size()) + " studies of " + a.data;
  write_report({evaluate_predictions(studies, SlotSet().set(), predictor, a.options)}, report, a.output);
}

}  // namespace

void add_score(CLI::App& program) {
  auto a = std::make_shared<ScoreArguments>();
  CLI::App* c = program.add_subcommand("score", "score probability maps that another program made");
  c->add_option("--data", a->data, "directory of studies")->required();
  c->add_option("--predictions", a->predictions,
                "directory of safetensors with the studies' file names: 'probability' float32 [D, 256, 256]")
      ->required();
  c->add_option("-o,--output", a->output, "directory for the report and its tables and plots")->required();
  add_lesion_rule_options(*c, a->options.rule);
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
