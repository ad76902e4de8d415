#include "models/precision.h"

#include <ATen/autocast_mode.h>
#include <torch/types.h>

#include "models/error.h"

namespace metserve::models {
namespace {

void set_autocast(bool cuda, bool enabled) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
  const auto device = cuda ? at::kCUDA : at::kCPU;
  at::autocast::set_autocast_dtype(device, at::kBFloat16);
  at::autocast::set_autocast_enabled(device, enabled);
#else
  if (cuda) {
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
    at::autocast::set_enabled(enabled);
  } else {
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(enabled);
  }
#endif
}

bool cpu_has_bfloat16() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

}  // namespace

Precision fast_precision(const torch::Device& device) {
  return device.is_cuda() || cpu_has_bfloat16() ? Precision::bfloat16 : Precision::float32;
}

Precision precision_from_name(const std::string& name, const torch::Device& device) {
  if (name == "auto") return fast_precision(device);
  if (name == "float32") return Precision::float32;
  if (name == "bfloat16") return Precision::bfloat16;
  throw Error(Error::Kind::bad_input, "precision '" + name + "' is unknown: use auto, float32 or bfloat16");
}

AutocastGuard::AutocastGuard(Precision precision, const torch::Device& device)
    : active_(precision == Precision::bfloat16), cuda_(device.is_cuda()) {
  if (active_) set_autocast(cuda_, true);
}

AutocastGuard::~AutocastGuard() {
  if (!active_) return;
  set_autocast(cuda_, false);
  at::autocast::clear_cache();
}

void to_channels_last(torch::nn::Module& network) {
  torch::NoGradGuard no_grad;
  for (auto& parameter : network.parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
}

}  // namespace metserve::models
