#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "models/anatomy_file.h"
#include "models/data/dataset.h"
#include "models/data/label_map.h"
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

/// Of a study file: what another one of its name need not have been prepared from.
std::string origin_of(const PrepareArguments& arguments, const std::string& study) {
  return nlohmann::json{
      {"data", fs::canonical(arguments.data).string()}, {"study", study}, {"t1c", arguments.t1c}}
      .dump();
}

/// Whether the study could be used. One that is there already is kept.
bool prepare_one(const models::DatasetStudy& study, const std::string& origin, const fs::path& file) try {
  const models::ClaheOptions clahe;
  if (fs::exists(file)) {
    models::require_origin(file, clahe, origin);
    return true;
  }
  pipeline::TrainingStudy prepared = pipeline::training_study(study.read(), clahe);
  prepared.study.origin = origin;
  models::write_study(prepared.study, clahe, file);
  for (const std::string& sentence : prepared.left_out)
    std::printf("%s: %s\n", study.name.c_str(), sentence.c_str());
  return true;
} catch (const std::exception& error) {
  std::fprintf(stderr, "metserve: %s\n", error.what());
  return false;
}

/// For machines without ITK, on which `metserve-models simulate` makes studies of them.
void prepare_label_maps(const fs::path& data, const fs::path& output) {
  const auto anatomies = models::read_label_maps(data);
  for (const models::Anatomy& anatomy : anatomies)
    models::write_anatomy_tensors(anatomy, output / (anatomy.name + ".safetensors"));
  std::printf("%zu label maps in %s\n", anatomies.size(), output.c_str());
}

void prepare(const PrepareArguments& arguments) {
  const fs::path output = arguments.output;
  fs::create_directories(output);
  if (models::holds_label_maps(arguments.data)) return prepare_label_maps(arguments.data, output);
  const auto studies = models::dataset_studies(arguments.data, models::slot_from_id(arguments.t1c).value());
  Progress progress;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < studies.size(); ++i) {
    progress.update("prepare", static_cast<double>(i) / static_cast<double>(studies.size()));
    const fs::path file = output / (studies[i].name + ".safetensors");
    if (!prepare_one(studies[i], origin_of(arguments, studies[i].name), file)) ++failed;
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
      "prepare", "Read an annotated data set and write it as train and evaluate want it, or label maps");
  command
      ->add_option("--data", a->data,
                   "BrainMetShare, BraTS-METS, what simulate --format nifti writes, or NIfTI label maps to "
                   "simulate with; told by the layout")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      ->add_option("-o,--output", a->output,
                   "Folder to write to, one file per study; studies that are there are kept")
      ->required();
  command->add_option("--t1c", a->t1c, "What BraTS-METS's T1 after contrast agent is")
      ->check(CLI::IsMember({"t1_gre_post", "t1_se_post"}))
      ->capture_default_str();
  command->callback([a] { prepare(*a); });
}

}  // namespace metserve::server
