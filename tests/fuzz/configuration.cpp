// The server's configuration and the training configuration; the first byte says which.

#include <string>

#include "models/training.h"
#include "server/config.h"
#include "server/error.h"
#include "server/training_config.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] == 't') {
      models::TrainingOptions options;
      server::parse_training_config(text, "fuzz.yaml", options);
      fuzz::require(options.sampler.batch >= 2 && options.steps >= 1);
    } else {
      const auto config = server::parse_config(text, "fuzz.yaml");
      fuzz::require(config.storage.directory.is_absolute() && config.workers.count >= 1);
    }
  } catch (const server::Error& error) {
    fuzz::require(error.kind() == server::Error::Kind::bad_call);
  }
  return 0;
}
