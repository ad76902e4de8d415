#include <torch/types.h>

#include "models/training.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/tiny_network.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

TEST_CASE("A loss or an output that is not a number ends the run with the step and what to do",
          "[training]") {
  const TemporaryDirectory directory;
  const std::vector<Study> studies{toy_study(0)};
  TrainingOptions options;
  options.network = tiny_network();
  options.sampler.crop = 32;
  options.sampler.batch = 2;
  options.steps = 40;
  options.warmup_steps = 0;
  options.learning_rate = 1e30;
  options.precision = "float32";
  CHECK_THROWS_WITH(train(studies, studies, options, directory.path(), {}),
                    Contains("loss is not a number at step") && Contains("learning_rate"));
  options.steps = 1;
  CHECK_THROWS_WITH(train(studies, studies, options, directory.path(), {}),
                    Contains("probability is not a number at step 1") && Contains("learning_rate"));
}
