#include "pipeline/match.h"

#include <cstdio>
#include <memory>

#include "dicom/runtime.h"
#include "server/commands/commands.h"

namespace metserve::server {
namespace {

struct MatchArguments {
  std::string study;
  bool json = false;
  pipeline::MatchOptions options;
};

void match(const MatchArguments& arguments) {
  const dicom::Runtime runtime;
  const dicom::Study study = dicom::scan_study(dicom::list_files(arguments.study));
  const pipeline::StudyMatch found = pipeline::match_study(study, arguments.options);
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
      ->add_option("--minimum-confidence", arguments->options.minimum_confidence,
                   "A series recognised with less is ambiguous")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->callback([arguments] { match(*arguments); });
}

}  // namespace metserve::server
