#include "models/segmenter.h"

#include "models/device.h"
#include "models/error.h"
#include "models/inference.h"
#include "models/packaged_network.h"

namespace metserve::models {
struct Segmenter::Impl {
  Manifest manifest;
  Network network;
  InferenceOptions options;
};

Segmenter::Segmenter(const ModelPackage& package, const std::string& device)
    : impl_(std::make_unique<Impl>()) {
  impl_->manifest = package.manifest;
  impl_->options.device = device_from_name(device);
  impl_->options.precision = fast_precision(impl_->options.device);
  impl_->options.mirrored_from = package.manifest.mirrored_from;
  impl_->options.batch = impl_->options.device.is_cuda() ? 32 : 4;
  impl_->network = packaged_network(package);
  impl_->network->to(impl_->options.device);
  // The first pass picks kernels and fills their caches.
  const torch::Tensor blank = torch::ones({static_cast<std::int64_t>(slot_count), 1, 64, 64});
  predict(impl_->network, blank, SlotSet().set(), impl_->options);
}

Segmenter::~Segmenter() = default;
Segmenter::Segmenter(Segmenter&&) noexcept = default;
Segmenter& Segmenter::operator=(Segmenter&&) noexcept = default;

const Manifest& Segmenter::manifest() const {
  return impl_->manifest;
}

torch::Tensor Segmenter::log_odds(const torch::Tensor& sequences, SlotSet present,
                                  const std::function<void(double)>& on_progress) const {
  InferenceOptions options = impl_->options;
  options.on_progress = on_progress;
  try {
    return predict(impl_->network, sequences, present, options);
  } catch (const c10::Error& error) {
    throw Error(Error::Kind::device, std::string("inference failed: ") + error.what_without_backtrace());
  }
}

}  // namespace metserve::models
