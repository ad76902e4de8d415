#include <filesystem>
#include <memory>

#include "models/data/dataset.h"
#include "pipeline/training_study.h"
#include "server/commands/commands.h"
#include "server/error.h"
#include "server/progress.h"

namespace metserve::server {
namespace {

namespace fs = std::filesystem;

struct PrepareArguments {
  std::string data, output, t1c = "t1_gre_post";
};

/// Whether the study could be used.
bool prepare_one(const models::DatasetStudy& study, const fs::path& file) try {
  const models::ClaheOptions clahe;
  const pipeline::TrainingStudy prepared = pipeline::training_study(study.read(), clahe);
  models::write_study(prepared.study, clahe, file);
  for (const std::string& sentence : prepared.left_out)
    std::printf("%s: %s\n", study.name.c_str(), sentence.c_str());
  return true;
} catch (const std::exception& error) {
  std::fprintf(stderr, "metserve: %s\n", error.what());
  return false;
}

void prepare(const PrepareArguments& arguments) {
  const auto studies = models::dataset_studies(arguments.data, models::slot_from_id(arguments.t1c).value());
  const fs::path output = arguments.output;
  fs::create_directories(output);
  Progress progress;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < studies.size(); ++i) {
    progress.update("prepare", static_cast<double>(i) / static_cast<double>(studies.size()));
    const fs::path file = output / (studies[i].name + ".safetensors");
    if (!fs::exists(file) && !prepare_one(studies[i], file)) ++failed;
  }
  std::printf("%zu of %zu studies in %s\n", studies.size() - failed, studies.size(), output.c_str());
  if (failed > 0)
    throw Error(Error::Kind::io,
                std::to_string(failed) + " of " + std::to_string(studies.size()) + " studies cannot be used");
}

}  // namespace

void add_prepare(CLI::App& program) {
  auto a = std::make_shared<PrepareArguments>();
  CLI::App* command = program.add_subcommand(
      "prepare", "Read an annotated data set and write it as train and evaluate want it");
  command
      ->add_option("--data", a->data,
                   "BrainMetShare, BraTS-METS, or what simulate --format nifti writes; told by the layout")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      ->add_option("-o,--output", a->output, "Folder to write to, one file per study; those there are kept")
      ->required();
  command->add_option("--t1c", a->t1c, "What BraTS-METS's T1 after contrast agent is")
      ->check(CLI::IsMember({"t1_gre_post", "t1_se_post"}))
      ->capture_default_str();
  command->callback([a] { prepare(*a); });
}

}  // namespace metserve::server
