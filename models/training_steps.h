#pragma once

#include <deque>
#include <future>
#include <memory>
#include <vector>

#include <c10/core/thread_pool.h>

#include "models/sampler.h"
#include "models/slots.h"

namespace metserve::models {

/// What one training step sees.
struct TrainingStep {
  Batch batch;
  std::vector<SlotSet> kept;  ///< sequences of each crop that input dropout left
};

/// The steps of a run in order, made ahead by worker threads so that the device does not wait for them. A
/// step is a function of the run's seed and its number alone: the number of workers changes nothing.
class TrainingSteps {
 public:
  struct Options {
    SamplerOptions sampler;
    SlotSet subset;         ///< sequences that the network is trained on
    double dropout = 0.25;  ///< probability that a sequence is dropped, 0 .. < 1
    std::uint64_t seed = 1;
    int first = 0;    ///< number of the first step
    int end = 1;      ///< one beyond the last
    int workers = 0;  ///< threads that make steps ahead; 0: next() makes them
  };

  /// `studies` must outlive this. Throws Error(bad_input) as Sampler does.
  TrainingSteps(const std::vector<Study>& studies, const Options& options);
  TrainingSteps(const TrainingSteps&) = delete;
  TrainingSteps& operator=(const TrainingSteps&) = delete;

  /// The next step; waits for it where a worker still makes it.
  TrainingStep next();

 private:
  TrainingStep make(int number) const;

  Sampler sampler_;
  Options options_;
  int next_;  ///< the first that no worker has been given
  std::deque<std::future<TrainingStep>> ahead_;
  std::unique_ptr<c10::ThreadPool> workers_;  // destroyed first: it still uses the others
};

/// The seed of all randomness of one step.
std::uint64_t step_seed(std::uint64_t seed, int step);

}  // namespace metserve::models
