#pragma once

#include <optional>

namespace metserve::models {

/// Which components of a probability map are lesions.
struct LesionRule {
  double threshold = 0.5;   ///< a voxel of at least this probability belongs to a component, above 0, below 1
  double minimum_peak = 0;  ///< components whose highest probability is less are dropped, 0..1
  double minimum_roundness = 0;    ///< flatter or longer components are dropped, 0..1: see judged_roundness()
  double minimum_volume_mm3 = 10;  ///< smaller components are dropped, >= 0
};

constexpr double smallest_threshold = 0.001,
                 largest_threshold = 0.999;  ///< that a site or a user may ask for

/// What a site or a user wants instead of a model's own rule; what is absent stays the model's.
struct LesionRuleChanges {
  std::optional<double> threshold{}, minimum_peak{}, minimum_roundness{}, minimum_volume_mm3{};
};

LesionRule changed(const LesionRule& rule, const LesionRuleChanges& changes);

/// The rule without its bound of the volume.
LesionRule of_any_size(LesionRule rule);

}  // namespace metserve::models
