#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include <torch/types.h>

#include "models/slots.h"
#include "models/study.h"

namespace metserve::models {

struct SamplerOptions {
  int slices = 5;             ///< contiguous slices per sequence, odd
  int crop = 128;             ///< pixels along each side, a multiple of 32, at most the image's
  int batch = 8;              ///< crops per step, >= 1
  double lesion_share = 0.6;  ///< share of crops that hold a chosen lesion, 0..1; the others lie anywhere
                              ///< in the head
  double small_lesion_bias = 0.5;  ///< a lesion is chosen with probability proportional to volume^-bias,
                                   ///< 0 (all alike) .. 1
  bool by_slice = false;    ///< instead, a slice with a lesion is chosen, all alike, and one of its lesions
                            ///< (Groevik 2020, with a lesion_share of 0.5)
  double oversampling = 0;  ///< by slice, instead of lesion_share: slices with a lesion come so many times as
                            ///< often as others, 1 or more (Yi 2019: 10); 0: not used
  double scale_jitter = 0.2;   ///< crops are enlarged or shrunk by up to this share, 0..0.5
  double gamma_jitter = 0.25;  ///< intensities go to x^g with log g within this, 0..1
  bool upright = false;        ///< heads stay as patients lie, but for a mirror image from left to right;
                               ///< else all eight symmetries of the square, and upside down
};

/// What one training step sees.
struct Batch {
  torch::Tensor input;           ///< [batch, 4 * slices, crop, crop] float32 in [0, 1]
  torch::Tensor target;          ///< [batch, 1, crop, crop] float32, 0 or 1: the centre slice
  std::vector<SlotSet> present;  ///< sequences that each crop's study holds
};

/// Draws crops from studies. Orientation, size and intensity are varied.
/// Thread safety: const after construction.
class Sampler {
 public:
  /// `studies` must outlive the sampler. Throws Error(bad_input) when options are out of range or no study
  /// has a lesion.
  Sampler(const std::vector<Study>& studies, const SamplerOptions& options);

  /// The same state of `random` gives the same batch.
  Batch draw(std::mt19937_64& random) const;

 private:
  struct Place {
    const Study* study;
    std::int64_t slice, row, column;  ///< the crop's centre
  };
  struct LesionSlices {
    std::size_t lesion;        ///< of `lesions_`
    std::int64_t first, last;  ///< slices, inclusive
  };
  void draw_by_lesion();
  void draw_by_slice();
  Place lesion_place(std::mt19937_64& random) const;
  Place head_place(std::mt19937_64& random) const;
  void fill(const Place& place, std::mt19937_64& random, torch::Tensor input, torch::Tensor target) const;

  const std::vector<Study>& studies_;
  SamplerOptions options_;
  std::vector<Lesion> lesions_;
  std::vector<LesionSlices> choices_;  ///< of what a crop with a lesion holds
  std::vector<double> cumulative_;     ///< of their weights
  double lesion_share_ = 0;
};

}  // namespace metserve::models
