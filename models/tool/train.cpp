#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "models/slot_list.h"
#include "models/study_sets.h"
#include "models/tool/commands.h"
#include "models/tool/network_options.h"
#include "models/training.h"

namespace metserve::models::tool {
namespace {

struct TrainArguments {
  TrainingOptions options;
  std::string data, output, validation_subsets = "full";
  std::optional<std::string> validation;
  bool no_dropout = false;
};

void print(const TrainingProgress& p) {
  std::printf("step %d of %d  loss %.4f  rate %.2e  %.2f s/step  %.0f min left", p.step, p.steps, p.loss,
              p.learning_rate, p.seconds_per_step, p.seconds_left / 60);
  if (p.score) std::printf("  validation Dice %.4f (best %.4f)", *p.score, p.best_score);
  std::printf("\n");
  std::fflush(stdout);
}

void run(const TrainArguments& arguments) {
  TrainingOptions options = arguments.options;
  if (arguments.no_dropout) options.dropout = 0;
  options.validation_subsets = subsets_named(arguments.validation_subsets);
  const StudySets sets = read_study_sets(arguments.data, arguments.validation, options.clahe);
  std::printf("%ssequences %s\n", describe(sets).c_str(),
              key(network_to_train(sets.training, options).subset).c_str());
  train(sets.training, sets.validation, options, arguments.output, print);
}

}  // namespace

void add_train(CLI::App& program) {
  auto a = std::make_shared<TrainArguments>();
  TrainingOptions& o = a->options;
  CLI::App* c = program.add_subcommand("train", "train a network on a cache of studies");
  c->add_option("--data", a->data, "directory of studies to train on")->required();
  c->add_option("--validation", a->validation,
                "directory of studies to validate on; without it those of every eighth patient of --data");
  c->add_option("-o,--output", a->output, "directory for checkpoint, best state and training.csv")
      ->required();
  c->add_option("--start-from", o.start_from,
                "weights to train on from, whose network it is; random without");
  add_network_options(*c, o.network);
  c->add_option("--steps", o.steps, "in all");
  c->add_option("--batch", o.sampler.batch, "crops per step");
  c->add_option("--crop", o.sampler.crop, "pixels, a multiple of 32");
  c->add_option("--lesion-share", o.sampler.lesion_share, "share of crops around a lesion");
  c->add_option("--small-lesion-bias", o.sampler.small_lesion_bias, "chosen by volume^-bias");
  c->add_flag("--by-slice", o.sampler.by_slice, "crops with a lesion are drawn by slice, not by lesion");
  c->add_option("--oversampling", o.sampler.oversampling,
                "by slice: those with a lesion come so many times as often, instead of --lesion-share");
  c->add_option("--scale-jitter", o.sampler.scale_jitter, "crops grow or shrink by up to this share");
  c->add_option("--gamma-jitter", o.sampler.gamma_jitter, "intensities go to x^g, log g up to this");
  c->add_flag("--upright", o.sampler.upright, "crops are mirrored from left to right alone, not turned");
  c->add_option("--learning-rate", o.learning_rate, "Adam's");
  c->add_option("--decay-power", o.decay_power, "0: constant rate");
  c->add_option("--warmup-steps", o.warmup_steps, "over which the rate rises from 0");
  c->add_option("--weight-decay", o.weight_decay, "L2");
  c->add_option("--positive-weight", o.positive_weight, "of positive pixels");
  c->add_option("--hard-pixel-share", o.hard_pixel_share, "of pixels in the cross-entropy; 1: all");
  c->add_option("--dice-weight", o.dice_weight, "of the Dice term");
  c->add_option("--tie-weight", o.tie_weight, "of the penalty that ties the -l2 networks");
  c->add_option("--dropout", o.dropout, "probability that a sequence is dropped");
  c->add_flag("--no-dropout", a->no_dropout, "the same as --dropout 0");
  c->add_option("--validation-subsets", a->validation_subsets,
                "that the score is the mean over, named as for evaluate");
  c->add_option("--validation-stride", o.validation_stride, "every which slice is scored");
  c->add_option("--interval", o.interval, "steps between validations");
  c->add_option("--checkpoint-interval", o.checkpoint_interval, "steps between checkpoints");
  c->add_option("--seed", o.seed, "of all randomness");
  c->add_option("--threads", o.threads, "CPU threads, 0: all");
  c->add_option("--workers", o.workers,
                "threads that make batches ahead; worth it where a GPU waits for them");
  c->add_option("--device", o.device, "cpu, cuda or cuda:N; several with commas share each batch");
  c->add_option("--precision", o.precision, "auto, float32 or bfloat16");
  c->add_flag("--resume", o.resume, "continue from the checkpoint in the output directory");
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
