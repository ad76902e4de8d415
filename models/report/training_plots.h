#pragma once

#include <filesystem>

namespace metserve::models {

/// Writes `loss.svg`, `score.svg` and `saliency.svg` (Yi 2019: cumulative, by sequence) of what
/// `training.csv` and `saliency.csv` in `directory` hold. Throws Error(io).
void write_training_plots(const std::filesystem::path& directory);

}  // namespace metserve::models
