#include "models/tool/lesion_rule_options.h"

namespace metserve::models::tool {

void add_lesion_rule_options(CLI::App& command, LesionRule& rule) {
  command.add_option("--threshold", rule.threshold, "on the probability");
  command.add_option("--minimum-peak", rule.minimum_peak, "highest probability of a predicted component");
  command.add_option("--minimum-roundness", rule.minimum_roundness,
                     "shortest over longest axis of a predicted component below 2 cm3");
  command.add_option("--minimum-volume", rule.minimum_volume_mm3, "mm3, of a predicted component");
}

}  // namespace metserve::models::tool
