#include "pipeline/match.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "dicom/runtime.h"
#include "server/commands/commands.h"
#include "server/config.h"

namespace metserve::server {
namespace {

struct MatchArguments {
  std::string study;
  bool json = false;
  std::optional<std::filesystem::path> config;
  std::optional<double> minimum_confidence;
};

/// The site's, if a configuration is given, then the command line's.
pipeline::MatchOptions match_options(const MatchArguments& arguments) {
  pipeline::MatchOptions options;
  if (arguments.config) {
    const StudyConfig study = load_config(*arguments.config).study;
    options.minimum_confidence = study.minimum_match_confidence;
    options.rules = study.series_rules;
  }
  options.minimum_confidence = arguments.minimum_confidence.value_or(options.minimum_confidence);
  return options;
}

void match(const MatchArguments& arguments) {
  const pipeline::MatchOptions options = match_options(arguments);
  const dicom::Runtime runtime;
  const dicom::Study study = dicom::scan_study(dicom::list_files(arguments.study));
  const pipeline::StudyMatch found = pipeline::match_study(study, options);
  const std::string text =
      arguments.json ? pipeline::to_json(study, found) : pipeline::to_table(study, found);
  std::fputs(text.c_str(), stdout);
  if (!text.ends_with('\n')) std::fputc('\n', stdout);
}

}  // namespace

void add_match(CLI::App& program) {
  auto arguments = std::make_shared<MatchArguments>();
  CLI::App* command = program.add_subcommand("match", "What every series of a study is, and why");
  command->add_option("STUDY_DIR", arguments->study, "Folder with the study's DICOM files")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_flag("--json", arguments->json, "Print JSON");
  command
      ->add_option("--config", arguments->config,
                   "Configuration whose study.series_rules and study.minimum_match_confidence are tried")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--minimum-confidence", arguments->minimum_confidence,
                   "A series recognised with less is ambiguous")
      ->check(CLI::Range(0.0, 1.0));
  command->callback([arguments] { match(*arguments); });
}

}  // namespace metserve::server
