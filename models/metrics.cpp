#include "models/metrics.h"

#include <map>
#include <set>

#include <torch/torch.h>

#include "models/components.h"
#include "models/error.h"
#include "models/threshold.h"

namespace metserve::models {
namespace {

std::optional<double> ratio(double part, double whole) {
  if (whole == 0) return std::nullopt;
  return part / whole;
}

double count(const torch::Tensor& mask) {
  return static_cast<double>(mask.sum().item<std::int64_t>());
}

/// Which lesion numbers each component touches, by component.
std::vector<std::set<int>> touched_lesions(const Components& components, const torch::Tensor& truth) {
  const torch::Tensor both = truth.ne(0).logical_and(components.labels.ne(0));
  const torch::Tensor labels = components.labels.masked_select(both).contiguous();
  const torch::Tensor numbers = truth.masked_select(both).contiguous();
  std::vector<std::set<int>> touched(components.voxels.size());
  const auto label = labels.accessor<std::int32_t, 1>();
  const auto number = numbers.accessor<std::int16_t, 1>();
  for (std::int64_t i = 0; i < labels.size(0); ++i)
    touched[static_cast<std::size_t>(label[i] - 1)].insert(number[i]);
  return touched;
}

void score_voxels(const torch::Tensor& probability, const torch::Tensor& predicted, const Study& study,
                  StudyFigures& figures) {
  const torch::Tensor truth = study.truth.ne(0);
  const double hits = count(predicted.logical_and(truth)), all = count(predicted), lesion = count(truth);
  figures.dice = ratio(2 * hits, all + lesion);
  figures.precision = ratio(hits, all);
  figures.recall = ratio(hits, lesion);
  if (lesion == 0) return;
  const torch::Tensor head = study.images.amax(0).gt(0).logical_or(truth);
  ThresholdCurve curve;
  curve.add(probability.masked_select(head), truth.masked_select(head));
  figures.auc = curve.auc();
}

}  // namespace

Detections detect(const torch::Tensor& predicted, const Study& study, double minimum_volume_mm3) {
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  const Components components = label_components(predicted);
  const auto touched = touched_lesions(components, study.truth);
  Detections detections;
  for (std::size_t i = 0; i < touched.size(); ++i) {
    const bool large = static_cast<double>(components.voxels[i]) * voxel_mm3 >= minimum_volume_mm3;
    if (touched[i].empty()) {
      ++detections.false_positives_any_size;
      detections.false_positives += large ? 1 : 0;
    } else if (large) {
      detections.found.insert(touched[i].begin(), touched[i].end());
    }
  }
  return detections;
}

StudyFigures score_study(const torch::Tensor& probability, const Study& study, double threshold,
                         double minimum_volume_mm3) {
  if (probability.sizes() != study.truth.sizes())
    throw Error(Error::Kind::bad_input, study.name + ": the prediction is not on the grid of the truth");
  StudyFigures figures;
  const torch::Tensor predicted = probability.ge(threshold);
  score_voxels(probability, predicted, study, figures);
  const Detections detections = detect(predicted, study, minimum_volume_mm3);
  figures.false_positives = detections.false_positives;
  figures.false_positives_any_size = detections.false_positives_any_size;
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  for (const Lesion& lesion : list_lesions({study})) {
    torch::Tensor box = study.truth;
    for (std::int64_t axis = 0; axis < 3; ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      box = box.narrow(axis, lesion.first[a], lesion.last[a] - lesion.first[a] + 1);
    }
    figures.lesions.push_back({longest_diameter_mm(box.eq(lesion.number), study.spacing_mm),
                               static_cast<double>(lesion.voxels) * voxel_mm3,
                               detections.found.count(lesion.number) > 0});
  }
  return figures;
}

}  // namespace metserve::models
