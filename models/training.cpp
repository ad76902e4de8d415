#include "models/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <torch/nn.h>

#include "models/checkpoint.h"
#include "models/device.h"
#include "models/error.h"
#include "models/inference.h"
#include "models/networks/network.h"
#include "models/networks/network_file.h"
#include "models/precision.h"
#include "models/replicas.h"
#include "models/report/training_plots.h"
#include "models/threshold.h"
#include "models/training_log.h"
#include "models/training_settings.h"
#include "models/training_steps.h"

namespace metserve::models {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check(const TrainingOptions& o) {
  const auto refuse = [](const std::string& what) {
    throw Error(Error::Kind::bad_input, "training: " + what);
  };
  if (o.steps < 1) refuse("steps must be at least 1");
  if (!(o.learning_rate > 0)) refuse("learning_rate must be positive");
  if (!(o.decay_power >= 0) || o.warmup_steps < 0)
    refuse("decay_power and warmup_steps must not be negative");
  if (!(o.weight_decay >= 0)) refuse("weight_decay must not be negative");
  if (!(o.positive_weight > 0) || !(o.dice_weight >= 0))
    refuse("positive_weight must be positive, dice_weight >= 0");
  if (!(o.hard_pixel_share > 0 && o.hard_pixel_share <= 1))
    refuse("hard_pixel_share must be in 0..1, 0 excluded");
  if (!(o.dropout >= 0 && o.dropout < 1)) refuse("dropout must be in 0..1, 1 excluded");
  if (!(o.tie_weight >= 0)) refuse("tie_weight must not be negative");
  if (o.interval < 1 || o.checkpoint_interval < 1 || o.validation_stride < 1)
    refuse("interval, checkpoint_interval and validation_stride must be at least 1");
  if (o.workers < 0) refuse("workers must not be negative");
  // On CPUs with AVX2 alone, oneDNN 2.6 writes past the end of a gradient: that of 1x1 convolutions with a
  // stride, as the ResNets have between stages, when they have few input channels (seen with 4, not with 8,
  // 12 or 20).
  if (o.network.network != "googlenet" && o.network.width < 8) refuse("width must be at least 8");
  if (o.validation_subsets.empty()) refuse("validation_subsets must not be empty");
}

/// The network that is asked for: that of `start_from`, unless the options ask for another one.
NetworkConfig network_of(const TrainingOptions& options) {
  const auto with_dropout = [&options](NetworkConfig network) {
    network.dropout = options.dropout > 0;
    return network;
  };
  const NetworkConfig asked = with_dropout(options.network);
  if (!options.start_from) return asked;
  const NetworkConfig held = with_dropout(load_network(*options.start_from)->config());
  if (asked != held && asked != with_dropout({}))
    throw Error(Error::Kind::bad_input, options.start_from->string() + " holds " + describe(held) +
                                            ", the options ask for " + describe(asked) +
                                            ": leave the network's options out");
  return held;
}

/// The sequences that any of the studies has.
SlotSet sequences_in(const std::vector<Study>& studies) {
  SlotSet sequences;
  for (const Study& study : studies) sequences |= study.present;
  return sequences;
}

/// The devices, when the batch can be divided among them.
std::vector<torch::Device> shared_by(std::vector<torch::Device> devices, int batch) {
  const auto count = static_cast<int>(devices.size());
  if (batch % count != 0 || batch < 2 * count)
    throw Error(Error::Kind::bad_input, "training: the batch of " + std::to_string(batch) +
                                            " cannot be shared by " + std::to_string(count) +
                                            " devices: give each the same number, 2 or more");
  return devices;
}

double rate_at(const TrainingOptions& o, int step) {
  const double warmth = o.warmup_steps == 0 ? 1.0 : std::min(1.0, (step + 1.0) / o.warmup_steps);
  return o.learning_rate * warmth * std::pow(1.0 - static_cast<double>(step) / o.steps, o.decay_power);
}

/// The largest values, of which the share is (at least one).
torch::Tensor hardest(const torch::Tensor& values, double share) {
  const auto count = std::lround(share * static_cast<double>(values.numel()));
  return std::get<0>(values.flatten().topk(std::max(count, 1L), -1, true, false));
}

/// Weighted cross-entropy of the hardest pixels plus one minus the soft Dice of the whole batch.
torch::Tensor loss_of(const torch::Tensor& logits, const torch::Tensor& target,
                      const TrainingOptions& options) {
  namespace fn = torch::nn::functional;
  const torch::Tensor weight = torch::full({1}, options.positive_weight, logits.options());
  const torch::Tensor by_pixel = fn::binary_cross_entropy_with_logits(
      logits, target,
      fn::BinaryCrossEntropyWithLogitsFuncOptions().pos_weight(weight).reduction(torch::kNone));
  const torch::Tensor entropy =
      options.hard_pixel_share < 1 ? hardest(by_pixel, options.hard_pixel_share).mean() : by_pixel.mean();
  if (options.dice_weight == 0) return entropy;
  const torch::Tensor probability = logits.sigmoid();
  const torch::Tensor dice = (2 * (probability * target).sum() + 1) / (probability.sum() + target.sum() + 1);
  return entropy + options.dice_weight * (1 - dice);
}

/// Owns what changes during a run.
class Trainer {
 public:
  Trainer(const std::vector<Study>& training, const std::vector<Study>& validation,
          const TrainingOptions& options, const std::filesystem::path& directory)
      : options_(options),
        devices_(shared_by(devices_from_names(options.device), options.sampler.batch)),
        device_(devices_.front()),
        precision_(precision_from_name(options.precision, device_)),
        validation_(validation),
        directory_(directory),
        settings_(settings_of(options, training, validation)),
        network_(initial_network(options)),
        adam_(network_->parameters(),
              torch::optim::AdamOptions(options.learning_rate).weight_decay(options.weight_decay)) {
    network_->to(device_);
    if (options.start_from) state_.started_from = title_of_weights(*options.start_from);
    if (std::filesystem::exists(checkpoint_file())) {
      if (!options.resume)
        throw Error(Error::Kind::bad_input,
                    checkpoint_file().string() +
                        ": a training was begun here: resume it, or begin in another directory");
      state_ = read_checkpoint(checkpoint_file(), settings_, *network_, adam_);
    }
    replicas_.emplace(network_, std::vector(devices_.begin() + 1, devices_.end()));
    log_.emplace(directory, options.network.slices, state_.step);
    steps_.emplace(training, TrainingSteps::Options{.sampler = options.sampler,
                                                    .subset = options.network.subset,
                                                    .dropout = options.dropout,
                                                    .seed = options.seed,
                                                    .first = state_.step,
                                                    .end = options.steps,
                                                    .workers = options.workers});
    saliency_ = torch::zeros({options.network.slices * static_cast<std::int64_t>(slot_count)},
                             torch::TensorOptions(device_).dtype(torch::kFloat64));
  }

  void run(const std::function<void(const TrainingProgress&)>& on_progress) {
    const Clock::time_point start = Clock::now();
    const int first = state_.step;
    if (options_.start_from && first == 0) validate();
    double loss_sum = 0;
    int loss_count = 0;
    while (state_.step < options_.steps) {
      loss_sum += one_step();
      ++loss_count;
      const bool last = state_.step == options_.steps;
      const bool scored = last || state_.step % options_.interval == 0;
      if (!scored && state_.step % options_.checkpoint_interval != 0) continue;
      TrainingProgress progress;
      if (scored) progress.score = validate();
      progress.step = state_.step;
      progress.steps = options_.steps;
      progress.loss = loss_sum / loss_count;
      progress.learning_rate = rate_at(options_, state_.step - 1);
      progress.seconds_per_step = seconds_since(start) / (state_.step - first);
      progress.seconds_left = progress.seconds_per_step * (options_.steps - state_.step);
      progress.best_score = state_.best_score;
      log_->add(progress, saliency_.cpu());
      saliency_.zero_();
      // After the log, of which a resumed run drops what is later than the checkpoint.
      write_checkpoint(state_, settings_, *network_, adam_, checkpoint_file());
      if (scored) write_training_plots(directory_);
      if (on_progress) on_progress(progress);
      loss_sum = loss_count = 0;
    }
    save_network(network_, metadata(), false, directory_ / "last.safetensors");
  }

 private:
  static Network initial_network(const TrainingOptions& options) {
    torch::manual_seed(options.seed);
    Network network = make_network(options.network);
    if (options.start_from) load_state(*network, state_of(*load_network(*options.start_from)));
    to_channels_last(*network);
    return network;
  }

  std::filesystem::path checkpoint_file() const { return directory_ / "checkpoint.safetensors"; }

  std::map<std::string, std::string> metadata() const {
    std::map<std::string, std::string> values{{"step", std::to_string(state_.step)},
                                              {"validation_dice", std::to_string(state_.best_score)}};
    if (!state_.started_from.empty()) values[started_from_key] = state_.started_from;
    return values;
  }

  /// Returns the loss before the step.
  double one_step() {
    torch::manual_seed(step_seed(options_.seed, state_.step));  // the network's own dropout
    const auto [batch, kept] = steps_->next();
    torch::Tensor input = batch.input.to(device_).contiguous(torch::MemoryFormat::ChannelsLast);
    input.requires_grad_(true);  // for the saliency
    for (auto& group : adam_.param_groups())
      static_cast<torch::optim::AdamOptions&>(group.options()).lr(rate_at(options_, state_.step));
    replicas_->forget_gradients();
    torch::Tensor logits;
    {
      const AutocastGuard autocast(precision_, device_);
      logits = replicas_->forward(input, kept);
    }
    torch::Tensor loss = loss_of(logits, batch.target.to(device_), options_);
    if (const torch::Tensor penalty = network_->tie_penalty(); penalty.defined())
      loss = loss + options_.tie_weight * penalty;
    loss.backward();
    replicas_->gather_gradients();
    saliency_ += input.grad().abs().sum({0, 2, 3});
    adam_.step();
    replicas_->spread_weights();
    ++state_.step;
    const auto value = loss.item<double>();
    if (!std::isfinite(value)) diverged("the loss is not a number");
    return value;
  }

  [[noreturn]] void diverged(const std::string& sign) const {
    throw Error(Error::Kind::bad_input, "training: " + sign + " at step " + std::to_string(state_.step) +
                                            ": train again with a lower learning_rate");
  }

  /// The mean over the subsets of the best Dice at any threshold; keeps the state when it is the best so far.
  double validate() {
    double sum = 0;
    for (SlotSet subset : options_.validation_subsets) {
      ThresholdCurve curve;
      for (const Study& study : validation_) {
        InferenceOptions inference;
        inference.device = device_;
        inference.precision = precision_;
        for (std::int64_t z = 0; z < study.truth.size(0); z += options_.validation_stride)
          inference.slices.push_back(z);
        if ((study.present & subset & options_.network.subset).none()) continue;
        const torch::Tensor log_odds = predict(network_, study.images, study.present & subset, inference);
        if (log_odds.isnan().any().item<bool>()) diverged("a probability is not a number");
        curve.add(log_odds, study.truth.slice(0, 0, study.truth.size(0), options_.validation_stride).ne(0));
      }
      sum += curve.best().dice;
    }
    const double score = sum / static_cast<double>(options_.validation_subsets.size());
    if (score > state_.best_score) {
      state_.best_score = score;
      save_network(network_, metadata(), false, directory_ / "best.safetensors");
    }
    return score;
  }

  const TrainingOptions& options_;
  std::vector<torch::Device> devices_;
  torch::Device device_;  ///< the first of them, which also validates
  Precision precision_;
  const std::vector<Study>& validation_;
  std::filesystem::path directory_;
  TrainingSettings settings_;
  Network network_;
  torch::optim::Adam adam_;
  std::optional<Replicas> replicas_;
  CheckpointState state_;
  torch::Tensor saliency_;  ///< [4 * slices] float64: |d loss / d input| since the last line of the log
  std::optional<TrainingLog> log_;
  std::optional<TrainingSteps> steps_;
};

}  // namespace

NetworkConfig network_to_train(const std::vector<Study>& training, const TrainingOptions& options) {
  const SlotSet shown = sequences_in(training);
  const SlotSet named = options.network.subset.all() ? SlotSet() : options.network.subset;
  if (const SlotSet lacking = named & ~shown; lacking.any())
    throw Error(Error::Kind::bad_input, "training: the subset names " + key(lacking) +
                                            ", which no study to train on has: leave it out of the subset");
  NetworkConfig network = network_of(options);
  network.subset &= shown;
  return network;
}

void train(const std::vector<Study>& training, const std::vector<Study>& validation,
           const TrainingOptions& options, const std::filesystem::path& directory,
           const std::function<void(const TrainingProgress&)>& on_progress) {
  TrainingOptions complete = options;
  complete.network = network_to_train(training, options);
  complete.sampler.slices = complete.network.slices;
  check(complete);
  require_lesions(validation);
  for (const auto* studies : {&training, &validation})
    for (const Study& study : *studies)
      if ((study.present & complete.network.subset).none())
        throw Error(Error::Kind::bad_input, study.name + ": has no sequence of the subset to train on");
  for (SlotSet subset : complete.validation_subsets)
    if ((sequences_in(validation) & subset & complete.network.subset).none())
      throw Error(Error::Kind::bad_input, "training: no validation study has a sequence of " + key(subset) +
                                              " that the network uses: do not validate on that subset");
  if (options.threads > 0) at::set_num_threads(options.threads);
  const auto devices = static_cast<int>(devices_from_names(options.device).size());
  // LibTorch 1.13 damages memory in the backward pass of small convolutions that have more threads than
  // images.
  const ThreadLimit no_more_than_images(options.sampler.batch / devices);
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) throw Error(Error::Kind::io, directory.string() + ": cannot be made: " + failure.message());
  Trainer(training, validation, complete, directory).run(on_progress);
}

}  // namespace metserve::models
