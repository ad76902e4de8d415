#include <memory>
#include <optional>

#include "dicom/runtime.h"
#include "models/anatomy_file.h"
#include "models/cache.h"
#include "models/data/label_map.h"
#include "models/data/simulated_study_files.h"
#include "models/device.h"
#include "pipeline/simulated_study.h"
#include "server/commands/commands.h"
#include "server/commands/slot_list.h"
#include "server/error.h"
#include "server/progress.h"

namespace metserve::server {
namespace {

namespace fs = std::filesystem;

struct SimulateArguments {
  std::string output, format = "dicom", device = "cpu", drop, vendor, protocol = "mixed";
  std::optional<fs::path> anatomy;
  int studies = 1, first = 0;
  std::uint64_t seed = 1;
  std::optional<double> random_contrasts;
  int min_lesions = models::SimulatorOptions().min_lesions,
      max_lesions = models::SimulatorOptions().max_lesions;
};

std::vector<models::Anatomy> anatomies_in(const std::optional<fs::path>& directory) {
  if (!directory) return {};
  for (const auto& entry : fs::directory_iterator(*directory)) {
    if (entry.path().extension() == ".safetensors") return models::read_anatomies(*directory);
  }
  return models::read_label_maps(*directory);
}

models::SlotSet kept(const std::string& drop) {
  models::SlotSet keep = models::SlotSet().set();
  for (const models::Slot slot : slots_in(drop, "--drop")) keep.reset(models::index(slot));
  return keep;
}

void check_lesions(const SimulateArguments& arguments) {
  if (arguments.min_lesions < 0 || arguments.min_lesions > arguments.max_lesions)
    throw Error(Error::Kind::bad_call, "--min-lesions " + std::to_string(arguments.min_lesions) +
                                           " must be from 0 to --max-lesions, which is " +
                                           std::to_string(arguments.max_lesions));
}

/// What all studies of the set have in common.
void take(const SimulateArguments& arguments, models::SimulatorOptions& options) {
  options.keep = kept(arguments.drop);
  options.hospital = *models::hospital_from_name(arguments.protocol);
  options.min_lesions = arguments.min_lesions;
  options.max_lesions = arguments.max_lesions;
  if (arguments.random_contrasts) options.random_contrasts = *arguments.random_contrasts;
}

/// The same numbers as the training sets have: study i of a seed is one and the same.
models::SimulatedStudy simulate_one(const std::vector<models::Anatomy>& anatomies,
                                    const SimulateArguments& arguments, int number) {
  models::SimulatorOptions options;
  take(arguments, options);
  options.seed = models::study_seed(arguments.seed, number);
  options.field_strength_t = number % 3 == 0 ? 1.5 : 3.0;
  const auto index = static_cast<std::size_t>(number);
  const models::Anatomy anatomy =
      anatomies.empty() ? models::procedural_anatomy(options.seed) : anatomies[index % anatomies.size()];
  return models::simulate_study(anatomy, options, models::device_from_name(arguments.device));
}

pipeline::Vendor vendor_of(const SimulateArguments& arguments, int number) {
  constexpr std::array all{pipeline::Vendor::ge, pipeline::Vendor::siemens, pipeline::Vendor::philips};
  if (const auto named = pipeline::vendor_from_name(arguments.vendor)) return *named;
  if (arguments.protocol == "stanford") return pipeline::Vendor::ge;
  if (arguments.protocol == "oslo") return pipeline::Vendor::siemens;
  return all.at(static_cast<std::size_t>(number) % all.size());
}

void write_studies(const SimulateArguments& arguments) {
  const dicom::Runtime runtime;
  const auto anatomies = anatomies_in(arguments.anatomy);
  Progress progress;
  for (int i = 0; i < arguments.studies; ++i) {
    progress.update("simulate", static_cast<double>(i) / arguments.studies);
    const int number = arguments.first + i;
    const models::SimulatedStudy study = simulate_one(anatomies, arguments, number);
    const fs::path written =
        arguments.format == "dicom"
            ? pipeline::write_dicom_study(study, vendor_of(arguments, number), arguments.output)
            : models::write_study_nifti(study, arguments.output);
    std::printf("%s\n", written.c_str());
    std::fflush(stdout);
  }
}

void write_training_set(const SimulateArguments& arguments) {
  models::CacheOptions options;
  options.studies = arguments.studies;
  options.first = arguments.first;
  options.seed = arguments.seed;
  options.device = arguments.device;
  take(arguments, options.simulator);
  Progress progress;
  models::build_cache(anatomies_in(arguments.anatomy), options, arguments.output, [&](int done) {
    progress.update("simulate", static_cast<double>(done) / arguments.studies);
  });
}

}  // namespace

void add_simulate(CLI::App& program) {
  auto a = std::make_shared<SimulateArguments>();
  CLI::App* command = program.add_subcommand("simulate", "Write simulated studies with the truth");
  command->add_option("-o,--output", a->output, "Folder to write to, one entry per study")->required();
  command->add_option("--studies", a->studies, "How many")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--first", a->first, "Number of the first one")->check(CLI::NonNegativeNumber);
  command->add_option("--seed", a->seed, "Of the whole set")->capture_default_str();
  command
      ->add_option("--anatomy", a->anatomy,
                   "Folder of label maps (.nii, .nii.gz or .safetensors); procedural "
                   "heads without it")
      ->check(CLI::ExistingDirectory);
  command->add_option("--drop", a->drop, "Sequences to leave out, separated by commas");
  command->add_option("--format", a->format, "dicom, nifti, or training: preprocessed for train and evaluate")
      ->check(CLI::IsMember({"dicom", "nifti", "training"}))
      ->capture_default_str();
  command
      ->add_option("--protocol", a->protocol,
                   "Whose sequences: stanford, oslo (SPACE of 0.9 mm, no BRAVO) or mixed")
      ->check(CLI::IsMember({"mixed", "stanford", "oslo"}))
      ->capture_default_str();
  command
      ->add_option(
          "--vendor", a->vendor,
          "Whose headers DICOM studies wear; without it the hospital's, with mixed protocols each in turn")
      ->check(CLI::IsMember({"ge", "siemens", "philips"}));
  command
      ->add_option("--min-lesions", a->min_lesions, "Of each study; 0 and --max-lesions 0 make healthy heads")
      ->capture_default_str();
  command->add_option("--max-lesions", a->max_lesions, "Of each study")->capture_default_str();
  command
      ->add_option(
          "--random-contrasts", a->random_contrasts,
          "Share of studies with contrasts that no scanner gives, for variety in training; without it "
          "0.25 of --format training, else 0. Give 0 for sets to validate or test on")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--device", a->device, "cpu, cuda or cuda:N")->capture_default_str();
  command->callback([a] {
    check_lesions(*a);
    a->format == "training" ? write_training_set(*a) : write_studies(*a);
  });
}

}  // namespace metserve::server
