#include "models/networks/torchscript.h"

#include <exception>
#include <string>
#include <utility>

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "models/error.h"
#include "models/input_dropout.h"

namespace metserve::models {
namespace {

/// Behind it libraries put a stack trace.
std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

class TorchScriptNetwork : public NetworkModule {
 public:
  TorchScriptNetwork(const NetworkConfig& config, torch::jit::Module module, std::string file)
      : NetworkModule(config), module_(std::move(module)), file_(std::move(file)) {
    module_.eval();
  }

  void to(torch::Device device, bool non_blocking) override { module_.to(device, non_blocking); }

  void add_to_logits(double) override { refuse("its logits cannot be changed"); }

 protected:
  torch::Tensor run(const torch::Tensor& x, const std::vector<SlotSet>& kept) override {
    const torch::Tensor logits = answer(kept.empty() ? x : keep_sequences(x, kept, Scaling::by_share));
    if (logits.sizes() != torch::IntArrayRef({x.size(0), 1, x.size(2), x.size(3)}))
      refuse("it gives other sizes than [N, 1, H, W] of its input");
    return logits.to(torch::kFloat32);
  }

 private:
  torch::IValue called(const torch::Tensor& x) {
    try {
      return module_.forward({x});
    } catch (const c10::OutOfMemoryError&) {
      throw;  // may be enough another time
    } catch (const std::exception& error) {
      refuse("it fails: " + first_line(error));
    }
  }

  torch::Tensor answer(const torch::Tensor& x) {
    const torch::IValue value = called(x);
    if (value.isTensor()) return value.toTensor();
    if (!value.isGenericDict() || !value.toGenericDict().contains("out"))
      refuse("it gives neither a tensor nor a dictionary with 'out'");
    return value.toGenericDict().at("out").toTensor();
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(Error::Kind::bad_input, file_ + ": " + what);
  }

  torch::jit::Module module_;
  std::string file_;
};

}  // namespace

Network load_torchscript(const std::filesystem::path& file, const NetworkConfig& config) {
  try {
    return std::make_shared<TorchScriptNetwork>(config, torch::jit::load(file.string(), torch::kCPU),
                                                file.string());
  } catch (const std::exception& error) {
    throw Error(Error::Kind::bad_input, file.string() + ": is no TorchScript module: " + first_line(error));
  }
}

}  // namespace metserve::models
