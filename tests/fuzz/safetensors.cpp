// Weights: `models::read_safetensors`, and every tensor that it returns.

#include "models/safetensors.h"

#include <torch/types.h>

#include "models/error.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  const auto file = scratch.write("weights.safetensors", {data, size});
  try {
    for (const auto& [name, tensor] : models::read_safetensors(file).tensors) {
      const auto* bytes = static_cast<const std::uint8_t*>(tensor.data_ptr());
      unsigned sum = 0;
      for (std::size_t i = 0; i < tensor.nbytes(); ++i) sum += bytes[i];
      fuzz::require(tensor.nbytes() <= size && sum <= 255 * size);
    }
  } catch (const models::Error&) {
  }
  return 0;
}
