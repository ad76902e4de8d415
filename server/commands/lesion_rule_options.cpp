#include "server/commands/lesion_rule_options.h"

namespace metserve::server {

void add_lesion_rule_options(CLI::App& command, models::LesionRuleChanges& changes) {
  const CLI::Range share(0.0, 1.0);
  command.add_option("--threshold", changes.threshold, "On the probability, instead of the model's own")
      ->check(CLI::Range(models::smallest_threshold, models::largest_threshold));
  command
      .add_option("--minimum-peak", changes.minimum_peak,
                  "Highest probability that a lesion must reach, instead of the model's own")
      ->check(share);
  command
      .add_option(
          "--minimum-roundness", changes.minimum_roundness,
          "Shortest over longest axis that a lesion below 2 cm3 must have, instead of the model's own")
      ->check(share);
}

}  // namespace metserve::server
