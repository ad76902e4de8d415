#include "models/evaluation/detection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include <torch/types.h>

#include "models/components.h"

namespace metserve::models {
namespace {

struct Candidate {
  double probability_sum = 0;
  std::array<double, 3> position_sum{};  ///< slice, row, column
  double voxels = 0;
  std::map<int, double> shared;  ///< voxels in common with each lesion
};

std::vector<Candidate> candidates_of(const torch::Tensor& probability, const Study& study, double threshold) {
  const Components components = label_components(probability.ge(threshold));
  const torch::Tensor inside = components.labels.ne(0);
  const torch::Tensor where = inside.nonzero();
  const torch::Tensor labels = components.labels.masked_select(inside);
  const torch::Tensor values = probability.masked_select(inside);
  const torch::Tensor truth = study.truth.masked_select(inside);
  const auto at = where.accessor<std::int64_t, 2>();
  const auto label = labels.accessor<std::int32_t, 1>();
  const auto value = values.accessor<float, 1>();
  const auto lesion = truth.accessor<std::int16_t, 1>();
  std::vector<Candidate> candidates(components.voxels.size());
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    Candidate& own = candidates[static_cast<std::size_t>(label[i] - 1)];
    own.probability_sum += value[i];
    own.voxels += 1;
    for (std::size_t axis = 0; axis < 3; ++axis)
      own.position_sum[axis] += static_cast<double>(at[i][static_cast<std::int64_t>(axis)]);
    if (lesion[i] != 0) own.shared[lesion[i]] += 1;
  }
  return candidates;
}

/// The lesion whose voxel is nearest to `centre` (slice, row, column) and at most `distance_mm` away; 0:
/// none.
int lesion_at(const std::array<double, 3>& centre, const Study& study, double distance_mm) {
  const std::array<double, 3> spacing{study.spacing_mm[2], study.spacing_mm[1], study.spacing_mm[0]};
  std::array<std::int64_t, 3> first{}, last{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double reach = distance_mm / spacing[axis];
    const std::int64_t end = study.truth.size(static_cast<std::int64_t>(axis)) - 1;
    first[axis] = std::clamp<std::int64_t>(std::lround(std::floor(centre[axis] - reach)), 0, end);
    last[axis] = std::clamp<std::int64_t>(std::lround(std::ceil(centre[axis] + reach)), 0, end);
  }
  const auto truth = study.truth.accessor<std::int16_t, 3>();
  int nearest = 0;
  double nearest_square = distance_mm * distance_mm + 1e-9;
  for (std::int64_t z = first[0]; z <= last[0]; ++z)
    for (std::int64_t y = first[1]; y <= last[1]; ++y)
      for (std::int64_t x = first[2]; x <= last[2]; ++x) {
        if (truth[z][y][x] == 0) continue;
        const double dz = (static_cast<double>(z) - centre[0]) * spacing[0],
                     dy = (static_cast<double>(y) - centre[1]) * spacing[1],
                     dx = (static_cast<double>(x) - centre[2]) * spacing[2];
        const double square = dz * dz + dy * dy + dx * dx;
        if (square > nearest_square) continue;
        nearest_square = square;
        nearest = truth[z][y][x];
      }
  return nearest;
}

double mean_probability(const Candidate& candidate) {
  return candidate.probability_sum / candidate.voxels;
}

}  // namespace

LesionPredictions detect_lesions(const torch::Tensor& probability, const Study& study,
                                 const DetectionOptions& options) {
  std::vector<Candidate> candidates = candidates_of(probability, study, options.threshold);
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return mean_probability(a) > mean_probability(b);
  });
  std::map<int, double> lesion_voxels;
  for (const Lesion& lesion : list_lesions({study}))
    lesion_voxels[lesion.number] = static_cast<double>(lesion.voxels);
  LesionPredictions result;
  result.lesions = static_cast<int>(lesion_voxels.size());
  std::set<int> found;
  for (const Candidate& candidate : candidates) {
    std::array<double, 3> centre = candidate.position_sum;
    for (double& position : centre) position /= candidate.voxels;
    const int lesion = lesion_at(centre, study, options.distance_mm);
    Detection detection{mean_probability(candidate), lesion != 0 && found.insert(lesion).second, 0};
    if (const auto shared = candidate.shared.find(lesion);
        detection.true_positive && shared != candidate.shared.end())
      detection.dice = 2 * shared->second / (candidate.voxels + lesion_voxels[lesion]);
    result.predictions.push_back(detection);
  }
  return result;
}

DetectionFigures detection_figures(const std::vector<LesionPredictions>& studies,
                                   const std::vector<int>& times) {
  struct Counted {
    Detection detection;
    double times;
  };
  std::vector<Counted> all;
  double lesions = 0;
  for (std::size_t s = 0; s < studies.size(); ++s) {
    const double count = times.empty() ? 1 : times[s];
    if (count == 0) continue;
    lesions += count * studies[s].lesions;
    for (const Detection& detection : studies[s].predictions) all.push_back({detection, count});
  }
  if (lesions == 0) return {};
  std::sort(all.begin(), all.end(), [](const Counted& a, const Counted& b) {
    return a.detection.probability > b.detection.probability;
  });
  DetectionFigures figures;
  double hits = 0, predictions = 0, dice = 0, area = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    predictions += all[i].times;
    if (all[i].detection.true_positive) {
      hits += all[i].times;
      dice += all[i].times * all[i].detection.dice;
    }
    if (i + 1 < all.size() && all[i + 1].detection.probability == all[i].detection.probability) continue;
    const double before = figures.curve.empty() ? 0 : figures.curve.back().recall;
    figures.curve.push_back({hits / lesions, hits / predictions});
    area += (figures.curve.back().recall - before) * figures.curve.back().precision;
  }
  figures.average_precision = area;
  figures.maximum_sensitivity = hits / lesions;
  if (hits > 0) figures.true_positive_dice = dice / hits;
  return figures;
}

}  // namespace metserve::models
