#include <memory>
#include <optional>

#include "models/device.h"
#include "models/package/publish.h"
#include "models/slot_list.h"
#include "models/study_sets.h"
#include "models/training.h"
#include "server/commands/commands.h"
#include "server/error.h"
#include "server/progress.h"
#include "server/training_config.h"

namespace metserve::server {
namespace {

struct TrainArguments {
  std::string data, output, network = "input", name = "own";
  std::optional<std::filesystem::path> validation, config;
  models::TrainingOptions options;
  bool mirrored = false;
};

void show(Progress& progress, const models::TrainingProgress& now) {
  progress.update("train, loss " + std::to_string(now.loss), static_cast<double>(now.step) / now.steps);
  if (!now.score) return;
  std::printf("step %d of %d  loss %.4f  validation Dice %.4f (best %.4f)\n", now.step, now.steps, now.loss,
              *now.score, now.best_score);
  std::fflush(stdout);
}

void write_package(const TrainArguments& arguments, const models::StudySets& sets) {
  models::PublishOptions options;
  options.name = arguments.name;
  options.version = "1";
  options.clahe = arguments.options.clahe;
  options.mirrored = arguments.mirrored;
  const std::string& devices = arguments.options.device;
  options.device = devices.substr(0, devices.find(','));
  options.threads = arguments.options.threads;
  options.training_data = std::to_string(sets.training.size()) + " studies from " + arguments.data;
  options.limits =
      "The figures are measured on the validation studies, on which the best state and the bounds of a "
      "lesion "
      "were chosen: evaluate on studies of their own before relying on them.";
  const std::filesystem::path output = arguments.output;
  const std::vector<models::TestSet> tests{
      {"Validation studies", sets.validation, models::full_and_one_missing()}};
  models::publish(output / "best.safetensors", sets.validation, tests, options, output / "model",
                  [](const std::string& stage) { std::printf("%s\n", stage.c_str()); });
  std::printf("model package: %s\n", (output / "model").c_str());
}

void train(TrainArguments& arguments) {
  models::keep_freed_memory();
  arguments.options.network.network = arguments.network;
  arguments.options.network.slices = models::paper_slices(arguments.network);
  if (arguments.config) read_training_config(*arguments.config, arguments.options);
  const models::StudySets sets =
      models::read_study_sets(arguments.data, arguments.validation, arguments.options.clahe);
  std::printf("%ssequences %s\n", describe(sets).c_str(),
              models::key(models::network_to_train(sets.training, arguments.options).subset).c_str());
  {
    Progress progress;
    models::train(sets.training, sets.validation, arguments.options, arguments.output,
                  [&progress](const models::TrainingProgress& now) { show(progress, now); });
  }
  write_package(arguments, sets);
}

}  // namespace

void add_train(CLI::App& program) {
  auto a = std::make_shared<TrainArguments>();
  CLI::App* command = program.add_subcommand("train", "Train a network and make a model package of it");
  command->add_option("--data", a->data, "Folder of studies, as simulate --format training writes them")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      ->add_option("--validation", a->validation,
                   "Folder of studies to validate on; without it those of every eighth patient of --data")
      ->check(CLI::ExistingDirectory);
  command->add_option("-o,--output", a->output, "Folder for checkpoints, training.csv and the model package")
      ->required();
  command->add_option("--network", a->network, "Fusion of the sequences")
      ->check(
          CLI::IsMember(std::vector<std::string>(models::network_names.begin(), models::network_names.end())))
      ->capture_default_str();
  command
      ->add_option("--start-from", a->options.start_from,
                   "Weights to train on from, with their network: weights.safetensors of a model package, or "
                   "best.safetensors of a training; random without")
      ->check(CLI::ExistingFile);
  command->add_option("--config", a->config, "YAML with the options of the training")
      ->check(CLI::ExistingFile);
  command->add_flag("--resume", a->options.resume, "Continue from the checkpoint in the output folder");
  command->add_option("--name", a->name, "Name of the model")->capture_default_str();
  command->add_flag("--mirrored", a->mirrored,
                    "The package takes the mean with the mirror image where it suspects a lesion");
  command
      ->add_option("--device", a->options.device, "cpu, cuda or cuda:N; several with commas share each batch")
      ->capture_default_str();
  command->add_option("--threads", a->options.threads, "CPU threads; 0: all cores")
      ->check(CLI::Range(0, 256));
  command->callback([a] { train(*a); });
}

}  // namespace metserve::server
