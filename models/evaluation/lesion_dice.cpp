#include "models/evaluation/lesion_dice.h"

#include <set>
#include <vector>

#include <torch/types.h>

#include "models/components.h"

namespace metserve::models {
namespace {

constexpr double smallest_mm3 = 2;

/// Voxels that share a face or an edge with the mask, and the mask: the union of three plane squares.
torch::Tensor dilate_18(const torch::Tensor& mask) {
  const torch::Tensor volume = mask.to(torch::kFloat32).unsqueeze(0).unsqueeze(0);
  const auto grown = [&volume](std::int64_t z, std::int64_t y, std::int64_t x) {
    return torch::max_pool3d(volume, {2 * z + 1, 2 * y + 1, 2 * x + 1}, 1, {z, y, x});
  };
  return torch::maximum(grown(0, 1, 1), torch::maximum(grown(1, 0, 1), grown(1, 1, 0)))
      .squeeze(0)
      .squeeze(0)
      .gt(0);
}

struct LesionOverlap {
  double voxels = 0;           ///< of the lesion as it was
  double shared = 0;           ///< with the components that touch it
  std::set<int> components{};  ///< that touch the dilated lesion
};

}  // namespace

double lesion_wise_dice(const torch::Tensor& predicted, const Study& study) {
  const Components guesses = label_components(predicted);
  const Components lesions = label_components(dilate_18(study.truth.ne(0)));
  std::vector<LesionOverlap> overlaps(lesions.voxels.size());
  const torch::Tensor inside = lesions.labels.ne(0);
  const torch::Tensor of_lesion = lesions.labels.masked_select(inside);
  const torch::Tensor of_guess = guesses.labels.masked_select(inside);
  const torch::Tensor is_truth = study.truth.masked_select(inside).ne(0);
  const auto lesion = of_lesion.accessor<std::int32_t, 1>();
  const auto guess = of_guess.accessor<std::int32_t, 1>();
  const auto truth = is_truth.accessor<bool, 1>();
  for (std::int64_t i = 0; i < of_lesion.size(0); ++i) {
    LesionOverlap& own = overlaps[static_cast<std::size_t>(lesion[i] - 1)];
    own.voxels += truth[i] ? 1 : 0;
    own.shared += truth[i] && guess[i] != 0 ? 1 : 0;
    if (guess[i] != 0) own.components.insert(guess[i]);
  }
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  std::set<int> touching;
  double sum = 0, count = 0;
  for (const LesionOverlap& own : overlaps) {
    touching.insert(own.components.begin(), own.components.end());
    if (own.voxels * voxel_mm3 <= smallest_mm3) continue;
    double guessed = 0;
    for (int component : own.components)
      guessed += static_cast<double>(guesses.voxels[static_cast<std::size_t>(component - 1)]);
    sum += 2 * own.shared / (own.voxels + guessed);
    count += 1;
  }
  count += static_cast<double>(guesses.voxels.size() - touching.size());
  return count > 0 ? sum / count : 1;
}

}  // namespace metserve::models
