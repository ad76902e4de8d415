// A model's manifest: `models::ModelPackage::load` of a directory without weights.

#include "models/error.h"
#include "models/model_package.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  scratch.write("model.yaml", {data, size});
  try {
    models::ModelPackage::load(scratch.directory());
  } catch (const models::Error&) {
  }
  return 0;
}
