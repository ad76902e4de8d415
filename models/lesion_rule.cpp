#include "models/lesion_rule.h"

namespace metserve::models {

LesionRule changed(const LesionRule& rule, const LesionRuleChanges& changes) {
  return {.threshold = changes.threshold.value_or(rule.threshold),
          .minimum_peak = changes.minimum_peak.value_or(rule.minimum_peak),
          .minimum_roundness = changes.minimum_roundness.value_or(rule.minimum_roundness),
          .minimum_volume_mm3 = changes.minimum_volume_mm3.value_or(rule.minimum_volume_mm3)};
}

LesionRule of_any_size(LesionRule rule) {
  rule.minimum_volume_mm3 = 0;
  return rule;
}

}  // namespace metserve::models
