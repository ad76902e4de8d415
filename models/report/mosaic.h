#pragma once

#include <string>

#include <torch/types.h>

#include "models/lesion_rule.h"
#include "models/study.h"

namespace metserve::models {

/// The slice of a study with most lesion (else with the highest probability) as three pictures side by side:
/// the first sequence present; the probability over it; true positives green, false positives blue, false
/// negatives red over it (Groevik 2021, figure 2). `log_odds`: [D, H, W] on the study's grid. Returns a
/// `data:` URL of a BMP picture.
std::string mosaic(const torch::Tensor& log_odds, const Study& study, const LesionRule& rule);

}  // namespace metserve::models
