#include "server/training_config.h"

#include "server/commands/slot_list.h"
#include "tests/catch.h"

using namespace metserve;
using namespace metserve::server;

TEST_CASE("A training configuration replaces the defaults that it names", "[server][config]") {
  models::TrainingOptions options;
  parse_training_config(
      "steps: 10\ndropout: 0\nnetwork: {backbone: resnet34}\nsampler: {batch: 2}\n"
      "validation_subsets: full,without-t1_gre_post\n",
      "t.yaml", options);
  CHECK(options.steps == 10);
  CHECK(options.dropout == 0);
  CHECK(options.network.backbone == "resnet34");
  CHECK(options.sampler.batch == 2);
  CHECK(options.validation_subsets == std::vector{models::SlotSet("1111"), models::SlotSet("1110")});
  CHECK(options.learning_rate == models::TrainingOptions{}.learning_rate);
}

TEST_CASE("A mistake in a training configuration is named with its line", "[server][config]") {
  models::TrainingOptions options;
  CHECK_THROWS_WITH(parse_training_config("steps: 10\nsampler:\n  bach: 2\n", "t.yaml", options),
                    "t.yaml:3: sampler.bach: unknown key; did you mean 'batch'?");
  CHECK_THROWS_WITH(parse_training_config("dropout: 1\n", "t.yaml", options),
                    "t.yaml:1: dropout: must be a number from 0 to 0.99, is '1'");
  CHECK_THROWS_WITH(parse_training_config("validation_subsets: bravo\n", "t.yaml", options),
                    Catch::StartsWith("t.yaml:1: validation_subsets: ") && Catch::Contains("bravo"));
  CHECK_THROWS_WITH(parse_training_config("steps: 10\n---\ndropout: 0\n", "t.yaml", options),
                    Catch::StartsWith("t.yaml:2: a second YAML document"));
}

TEST_CASE("A list of sequences on the command line is checked", "[server][commands]") {
  CHECK(slots_in("", "--drop").empty());
  CHECK((slots_in("t1_gre_post,flair", "--drop") ==
         std::vector{models::Slot::t1_gre_post, models::Slot::flair}));
  CHECK_THROWS_WITH(slots_in("flare", "--drop"), "--drop: unknown sequence 'flare'; did you mean 'flair'?");
}
