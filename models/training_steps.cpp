#include "models/training_steps.h"

#include "models/input_dropout.h"

namespace metserve::models {

TrainingSteps::TrainingSteps(const std::vector<Study>& studies, const Options& options)
    : sampler_(studies, options.sampler), options_(options), next_(options.first) {
  if (options.workers > 0) workers_ = std::make_unique<c10::ThreadPool>(options.workers);
}

TrainingStep TrainingSteps::next() {
  if (!workers_) return make(next_++);
  const std::size_t most_ahead = 2 * workers_->size();
  while (next_ < options_.end && ahead_.size() < most_ahead) {
    const auto task = std::make_shared<std::packaged_task<TrainingStep()>>(
        [this, number = next_++] { return make(number); });
    ahead_.push_back(task->get_future());
    workers_->run([task] { (*task)(); });
  }
  TrainingStep step = ahead_.front().get();
  ahead_.pop_front();
  return step;
}

TrainingStep TrainingSteps::make(int number) const {
  std::mt19937_64 random(step_seed(options_.seed, number));
  TrainingStep step{sampler_.draw(random), {}};
  for (const SlotSet present : step.batch.present)
    step.kept.push_back(draw_kept(present & options_.subset, options_.dropout, random));
  return step;
}

// splitmix64's mixing: streams of neighbouring steps have nothing in common.
std::uint64_t step_seed(std::uint64_t seed, int step) {
  std::uint64_t z = seed + 0x9E3779B97F4A7C15ULL * (static_cast<std::uint64_t>(step) + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace metserve::models
