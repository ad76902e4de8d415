#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include <ATen/Parallel.h>

#include "dicom/runtime.h"
#include "models/device.h"
#include "pipeline/segment_study.h"
#include "server/commands/commands.h"
#include "server/commands/lesion_rule_options.h"
#include "server/error.h"
#include "server/model_directory.h"
#include "server/progress.h"

namespace metserve::server {
namespace {

struct SegmentArguments {
  std::string study, output, device = "cpu";
  std::optional<std::filesystem::path> model;
  models::LesionRuleChanges rule;
  std::optional<std::filesystem::path> previous, previous_images, supersedes;
  int threads = 0;
  bool allow_torchscript = false;
  bool any_subset = false, key_images = false, probabilities = false, all_frames = false, axial = false;
};

/// Roughly which part of the work each stage is, in the order of pipeline::Stage.
constexpr std::array<double, 6> stage_shares{0.05, 0.35, 0.05, 0.45, 0.05, 0.05};

void show(Progress& progress, pipeline::Stage stage, double share) {
  double done = 0;
  const auto index = static_cast<std::size_t>(stage);
  for (std::size_t i = 0; i < index; ++i) done += stage_shares.at(i);
  progress.update(std::string(to_string(stage)), done + stage_shares.at(index) * share);
}

void print_result(const pipeline::StudyResult& result, const std::string& output) {
  for (const auto& used : result.sequences_used) std::printf("used      %s\n", used.c_str());
  for (const auto& left_out : result.sequences_left_out) std::printf("left out  %s\n", left_out.c_str());
  for (const auto& warning : result.warnings) std::printf("warning   %s\n", warning.c_str());
  if (result.lesions.lesions.empty()) std::printf("no lesion found\n");
  for (const auto& lesion : result.lesions.lesions) {
    std::printf("lesion %2d  %8.1f mm3  %5.1f mm  probability %.2f\n", lesion.number, lesion.volume_mm3,
                lesion.longest_diameter_mm, lesion.mean_probability);
  }
  if (result.follow_up)
    for (const auto& sentence : sentences_of(*result.follow_up, result.lesions.lesions))
      std::printf("follow-up %s\n", sentence.c_str());
  std::printf("written to %s\n", output.c_str());
}

void make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw Error(Error::Kind::io, directory.string() + ": cannot be made: " + error.message());
}

void segment(const SegmentArguments& arguments) {
  models::keep_freed_memory();
  const dicom::Runtime runtime;
  if (arguments.threads > 0) at::set_num_threads(arguments.threads);
  const dicom::Study study = dicom::scan_study(dicom::list_files(arguments.study));
  make_directory(arguments.output);
  const models::Segmenter segmenter(
      models::ModelPackage::load(model_directory(arguments.model), arguments.allow_torchscript),
      arguments.device);
  pipeline::SegmentOptions options;
  options.rule = arguments.rule;
  options.acceptance.require_post_gd_t1 = !arguments.any_subset;
  options.keep_probability = arguments.probabilities;
  pipeline::StudyResult result = [&] {
    Progress progress;
    return pipeline::segment_study(
        study, segmenter, options,
        [&progress](pipeline::Stage stage, double share) { show(progress, stage, share); });
  }();
  if (arguments.previous) {
    const auto images = arguments.previous_images.value_or(absolute(*arguments.previous).parent_path());
    pipeline::compare_with_earlier(result, {*arguments.previous, dicom::list_files(images)}, {});
  }
  pipeline::EncodeOptions encode;
  encode.superseded = encode.named_like = arguments.supersedes.value_or("");
  encode.key_images = arguments.key_images;
  encode.all_frames = arguments.all_frames;
  encode.axial = arguments.axial;
  encode.clock = [] { return std::chrono::system_clock::now(); };
  pipeline::encode_result(result, encode, arguments.output);
  print_result(result, arguments.output);
}

}  // namespace

void add_segment(CLI::App& program) {
  auto arguments = std::make_shared<SegmentArguments>();
  CLI::App* command = program.add_subcommand("segment", "Segment one study from files");
  command->add_option("STUDY_DIR", arguments->study, "Folder with the study's DICOM files")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      ->add_option("-o,--output", arguments->output,
                   "Folder for seg.dcm, rtstruct.dcm, report.dcm, lesions.json and preview.png")
      ->required();
  command->add_option("--model", arguments->model, "Model directory; the bundled one without it");
  command->add_flag("--allow-torchscript", arguments->allow_torchscript,
                    "Take a TorchScript module as the model: executable code");
  command->add_option("--device", arguments->device, "cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--threads", arguments->threads, "CPU threads; 0: all cores")
      ->check(CLI::Range(0, 256));
  add_lesion_rule_options(*command, arguments->rule);
  command
      ->add_option(
          "--previous", arguments->previous,
          "Segmentation of an earlier study: lesions keep their numbers, the report says what changed")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--previous-images", arguments->previous_images,
                   "Folder with the images that it was drawn on; its own without it")
      ->needs("--previous")
      ->check(CLI::ExistingDirectory);
  command
      ->add_option("--supersedes", arguments->supersedes,
                   "Folder of an earlier result on this study, which the new objects say they replace")
      ->check(CLI::ExistingDirectory);
  command->add_flag("--key-images", arguments->key_images,
                    "Also key_01.dcm, ...: pictures for viewers that show neither segmentations nor reports");
  command->add_flag("--probabilities", arguments->probabilities,
                    "Also probability.dcm: the network's probability as a FRACTIONAL segmentation");
  command->add_flag("--all-frames", arguments->all_frames,
                    "Every slice in segmentations, also where they hold nothing");
  command->add_flag(
      "--axial", arguments->axial,
      "Where the reference is not axial, also axial_0001.dcm, ...: its images reformatted, with "
      "axial_rtstruct.dcm, for planning systems that take axial series only");
  command->add_flag("--any-subset", arguments->any_subset, "Also without a T1 sequence after gadolinium");
  command->callback([arguments] { segment(*arguments); });
}

}  // namespace metserve::server
