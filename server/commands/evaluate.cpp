#include <memory>
#include <optional>

#include "models/device.h"
#include "models/evaluation.h"
#include "models/model_package.h"
#include "models/packaged_network.h"
#include "models/report/report.h"
#include "models/slot_list.h"
#include "models/study.h"
#include "server/commands/commands.h"
#include "server/commands/lesion_rule_options.h"
#include "server/error.h"
#include "server/model_directory.h"
#include "server/progress.h"

namespace metserve::server {
namespace {

constexpr int pictures = 4;  // examples in the report

struct EvaluateArguments {
  std::string data, output, subsets = "one-missing";
  std::optional<std::filesystem::path> model;
  models::LesionRuleChanges rule;
  models::EvaluationOptions options;
  bool json = false, allow_torchscript = false;
};

void evaluate(const EvaluateArguments& arguments) {
  models::keep_freed_memory();
  const auto package =
      models::ModelPackage::load(model_directory(arguments.model), arguments.allow_torchscript);
  models::EvaluationOptions options = arguments.options;
  options.subsets = models::subsets_named(arguments.subsets);
  options.rule_of = [&](models::SlotSet subset) {
    return models::changed(models::rule_for(package.manifest, subset), arguments.rule);
  };
  options.mirrored_from = package.manifest.mirrored_from;
  const auto studies = models::read_studies(arguments.data, package.manifest.clahe);
  models::ReportOptions report;
  report.model = package.manifest.name + " " + package.manifest.version + ": " +
                 models::describe(package.manifest.network) +
                 (package.manifest.mirrored_from ? ", asked about the mirror image as well" : "");
  report.data = std::to_string(studies.size()) + " studies of " + arguments.data;
  models::add_pictures(options, pictures, report);
  const auto figures = [&] {
    Progress progress;
    return models::evaluate(models::packaged_network(package), studies, options,
                            [&progress](double share) { progress.update("evaluate", share); });
  }();
  models::write_report(figures, report, arguments.output);
  std::fputs((arguments.json ? models::to_json(figures) : models::to_table(figures)).c_str(), stdout);
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto a = std::make_shared<EvaluateArguments>();
  CLI::App* command =
      program.add_subcommand("evaluate", "Voxel and lesion figures of a model, per subset of sequences");
  command->add_option("--data", a->data, "Folder of studies, as simulate --format training writes them")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--model", a->model, "Model directory; the bundled one without it");
  command->add_flag("--allow-torchscript", a->allow_torchscript,
                    "Take a TorchScript module as the model: executable code");
  command->add_option("-o,--output", a->output, "Folder for report.html, its tables and plots")->required();
  command
      ->add_option(
          "--subsets", a->subsets,
          "full (all four), without-SEQUENCE (e.g. without-t1_gre_post), one-missing (all four, and each one "
          "missing), all (the fifteen subsets), or one subset's SEQUENCE+SEQUENCE; several with commas")
      ->capture_default_str();
  add_lesion_rule_options(*command, a->rule);
  command->add_flag("--json", a->json, "Print JSON");
  command->add_option("--device", a->options.device, "cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--threads", a->options.threads, "CPU threads; 0: all cores")
      ->check(CLI::Range(0, 256));
  command->callback([a] { evaluate(*a); });
}

}  // namespace metserve::server
