#pragma once

#include <string>

#include <torch/nn/module.h>
#include <torch/types.h>

namespace metserve::models {

/// In what numbers the convolutions run; weights, normalisation statistics and losses stay float32.
enum class Precision { float32, bfloat16 };

/// bfloat16 where `device` computes it in hardware (CPU with AVX512-BF16 or AMX, any CUDA device), else
/// float32.
Precision fast_precision(const torch::Device& device);

/// "float32" or "bfloat16", or "auto" for `fast_precision`. Throws Error(bad_input) otherwise.
Precision precision_from_name(const std::string& name, const torch::Device& device);

/// Automatic mixed precision in this thread while it lives; does nothing for float32.
class AutocastGuard {
 public:
  AutocastGuard(Precision precision, const torch::Device& device);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  bool active_;
  bool cuda_;
};

/// Stores the convolutions' weights channels-last, which is what the CPU's and the GPU's fast kernels want.
void to_channels_last(torch::nn::Module& network);

}  // namespace metserve::models
