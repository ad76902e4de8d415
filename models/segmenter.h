#pragma once

#include <functional>
#include <memory>

#include <torch/types.h>

#include "models/model_package.h"
#include "models/slots.h"

namespace metserve::models {

/// Runs a bundled or trained network slice by slice over a study. Constructed means loaded and warm.
/// Thread safety: `log_odds` may be called from one thread at a time.
class Segmenter {
 public:
  /// `device`: "cpu", "cuda" or "cuda:N". Throws Error(bad_input) when keys or shapes of the weights do not
  /// fit the manifest's network (naming the first), Error(device) when the device is not there.
  Segmenter(const ModelPackage& package, const std::string& device);
  ~Segmenter();
  Segmenter(Segmenter&&) noexcept;
  Segmenter& operator=(Segmenter&&) noexcept;

  const Manifest& manifest() const;

  /// `sequences`: [4, D, 256, 256] float32 in [0, 1] as `preprocess_sequence` makes them, channel order of
  /// all_slots; those not in `present` are ignored (they go in as zeros, and the others are multiplied by
  /// 4/n). `on_progress` is called with the share done, 0..1.
  /// Returns [D, 256, 256] float32 log-odds on the CPU, minus infinity where no head is near. Throws
  /// Error(bad_input) on an empty subset.
  torch::Tensor log_odds(const torch::Tensor& sequences, SlotSet present,
                         const std::function<void(double)>& on_progress = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metserve::models
