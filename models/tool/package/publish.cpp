#include "models/package/publish.h"

#include <cstdio>
#include <memory>

#include "models/slot_list.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {
namespace {

struct PublishArguments {
  PublishOptions options;
  std::string weights, validation, test, test_title = "Test studies";
  std::string subsets = "one-missing";
  std::string also, also_title = "Further studies";
  std::string output;
};

void run(const PublishArguments& a) {
  std::vector<TestSet> tests{{a.test_title, read_studies(a.test, a.options.clahe), subsets_named(a.subsets)}};
  if (!a.also.empty())
    tests.push_back(
        {a.also_title, read_studies(a.also, a.options.clahe), subsets_named("full,without-t1_gre_post")});
  const Manifest manifest = publish(a.weights, read_studies(a.validation, a.options.clahe), tests, a.options,
                                    a.output, [](const std::string& stage) {
                                      std::printf("%s\n", stage.c_str());
                                      std::fflush(stdout);
                                    });
  std::printf("%s %s, peak %.4f, roundness %.2f\n", manifest.name.c_str(), manifest.version.c_str(),
              manifest.rule.minimum_peak, manifest.rule.minimum_roundness);
}

}  // namespace

void add_publish(CLI::App& program) {
  auto a = std::make_shared<PublishArguments>();
  CLI::App* c =
      program.add_subcommand("publish", "make a model package: bounds of a lesion, figures, manifest, card");
  c->add_option("--weights", a->weights, "best.safetensors of a run")->required();
  c->add_option("--validation", a->validation, "studies that the bounds of a lesion are chosen on")
      ->required();
  c->add_option("--test", a->test, "studies that the expected figures are measured on")->required();
  c->add_option("--subsets", a->subsets,
                "of the expected figures: full, without-SEQUENCE, one-missing, all or SEQUENCE+SEQUENCE; "
                "several with commas");
  c->add_option("--test-title", a->test_title, "heading in the card");
  c->add_option("--also", a->also, "further studies to report in the card");
  c->add_option("--also-title", a->also_title, "their heading");
  c->add_option("-o,--output", a->output, "directory of the package")->required();
  c->add_option("--name", a->options.name, "of the model")->required();
  c->add_option("--version", a->options.version, "of the model")->required();
  c->add_option("--training-data", a->options.training_data, "one sentence")->required();
  c->add_option("--limits", a->options.limits, "paragraph of the card")->required();
  c->add_flag("--mirrored", a->options.mirrored,
              "where the network suspects a lesion, take the mean with what it sees in the mirror image");
  c->add_option("--minimum-volume", a->options.minimum_volume_mm3, "mm3, of a lesion");
  c->add_option("--false-positives", a->options.false_positives, "per validation study, at most");
  c->add_option("--device", a->options.device, "cpu, cuda or cuda:N");
  c->add_option("--threads", a->options.threads, "CPU threads, 0: all");
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
