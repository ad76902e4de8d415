#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/networks/network_config.h"
#include "models/preprocess.h"
#include "models/sampler.h"
#include "models/slots.h"
#include "models/study.h"

namespace metserve::models {

struct TrainingOptions {
  NetworkConfig network;
  ClaheOptions clahe;           ///< that the studies were preprocessed with; goes into the model
  SamplerOptions sampler;       ///< `slices` is taken from the network
  int steps = 6000;             ///< in all, >= 1; a resumed run may be given another number
  double learning_rate = 1e-3;  ///< Adam's, > 0
  double decay_power = 0.9;     ///< the rate falls with (1 - step/steps)^power, >= 0; 0: constant
  int warmup_steps = 100;       ///< over which the rate rises from 0, >= 0
  double weight_decay = 1e-5;   ///< L2, >= 0
  double positive_weight = 10;  ///< of positive pixels in the cross-entropy, > 0
  double hard_pixel_share = 1;  ///< of a batch's pixels, those with the highest cross-entropy, that the
                                ///< cross-entropy is the mean of (Wu et al. 2016), > 0 .. 1: all
  double dice_weight = 1;       ///< of the soft Dice term beside the cross-entropy, >= 0
  double tie_weight = 1e-3;     ///< of the penalty that ties the trunks of the -l2 networks, >= 0
  double dropout = 0.25;        ///< probability that a sequence is dropped, 0 .. < 1; 0 leaves the network
                                ///< without the layer: `network.dropout` is set by this
  std::vector<SlotSet> validation_subsets{SlotSet().set()};  ///< the score is the mean over these
  int validation_stride = 4;                                 ///< every which slice is scored, >= 1
  int interval = 500;                                        ///< steps between validations, >= 1
  int checkpoint_interval = 100;  ///< steps between checkpoints and lines of training.csv, >= 1
  std::uint64_t seed = 1;
  int threads = 0;             ///< of the CPU, at most a device's share of a batch; 0: LibTorch's own choice
  int workers = 0;             ///< threads that make batches ahead, >= 0; 0: made between the steps
  std::string device = "cpu";  ///< "cpu", "cuda", "cuda:N", or several, which share each batch: see Replicas
  std::string precision = "auto";  ///< auto, float32 or bfloat16
  bool resume = false;             ///< continue from the directory's checkpoint, if there is one
  std::optional<std::filesystem::path> start_from;  ///< weights as `train` or a package has them, random
                                                    ///< without; `network` is theirs, or left at its default
};

struct TrainingProgress {
  int step = 0;
  int steps = 0;
  double loss = 0;  ///< mean since the last report
  double learning_rate = 0;
  double seconds_per_step = 0;
  double seconds_left = 0;
  std::optional<double> score;  ///< voxel Dice of the validation slices, when they were just scored
  double best_score = 0;
};

/// The network that `train` makes of these: that of `start_from` or of the options, and of its subset the
/// sequences that a training study has, since it learns nothing of the others. Throws Error(bad_input) when
/// the options name a sequence that no training study has, or another network than that of `start_from`.
NetworkConfig network_to_train(const std::vector<Study>& training, const TrainingOptions& options);

/// Trains `network_to_train`, from random weights or on from others. In `directory`: `checkpoint.safetensors`
/// (weights, Adam's state, step, settings; replaced atomically, so a killed run continues where it was),
/// `best.safetensors` (the state with the best validation score), `last.safetensors` (at the end),
/// `training.csv`, `saliency.csv` (Yi 2019: the sum of |d loss / d input| by sequence and slice, of the steps
/// since the line before) and plots of both. All randomness is a function of seed and step: with one seed,
/// one thread count and float32 on the CPU, an interrupted run gives the weights of an undisturbed one. The
/// weights of `start_from` are validated before the first step, so that the best state is no worse. Throws
/// Error(bad_input) on options out of range, a checkpoint of other settings (models/training_settings.h) or
/// that is not to be resumed, a checkpoint or `start_from` of another network, Error(io).
void train(const std::vector<Study>& training, const std::vector<Study>& validation,
           const TrainingOptions& options, const std::filesystem::path& directory,
           const std::function<void(const TrainingProgress&)>& on_progress);

}  // namespace metserve::models
