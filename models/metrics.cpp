#include "models/metrics.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <torch/types.h>

#include "models/components.h"
#include "models/dropped_components.h"
#include "models/error.h"
#include "models/evaluation/lesion_dice.h"
#include "models/log_odds.h"
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

/// How many voxels each component shares with each lesion, by component.
std::vector<std::map<int, double>> shared_voxels(const Components& components, const torch::Tensor& truth) {
  const torch::Tensor both = truth.ne(0).logical_and(components.labels.ne(0));
  const torch::Tensor labels = components.labels.masked_select(both).contiguous();
  const torch::Tensor numbers = truth.masked_select(both).contiguous();
  std::vector<std::map<int, double>> shared(components.voxels.size());
  const auto label = labels.accessor<std::int32_t, 1>();
  const auto number = numbers.accessor<std::int16_t, 1>();
  for (std::int64_t i = 0; i < labels.size(0); ++i)
    shared[static_cast<std::size_t>(label[i] - 1)][number[i]] += 1;
  return shared;
}

void score_voxels(const torch::Tensor& log_odds, const torch::Tensor& predicted, const Study& study,
                  StudyFigures& figures) {
  const torch::Tensor truth = study.truth.ne(0);
  const double hits = count(predicted.logical_and(truth)), all = count(predicted), lesion = count(truth);
  figures.dice = ratio(2 * hits, all + lesion);
  figures.precision = ratio(hits, all);
  figures.recall = ratio(hits, lesion);
  if (lesion == 0) return;
  const torch::Tensor head = inside_head(study);
  ThresholdCurve curve;
  curve.add(log_odds.masked_select(head), truth.masked_select(head));
  figures.auc = curve.auc();
  figures.youden_threshold = curve.youden().threshold;
  figures.true_positive_rates = curve.true_positive_rates(false_positive_grid());
}

/// The lesion's voxels, cut out.
torch::Tensor mask_of(const Lesion& lesion, const Study& study) {
  torch::Tensor box = study.truth;
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    box = box.narrow(axis, lesion.first[a], lesion.last[a] - lesion.first[a] + 1);
  }
  return box.eq(lesion.number);
}

}  // namespace

const std::vector<double>& false_positive_grid() {
  static const std::vector<double> grid = [] {
    std::vector<double> rates;
    for (int i = 0; i <= 100; ++i) rates.push_back(std::pow(i / 100.0, 3));
    return rates;
  }();
  return grid;
}

Detections detect(const torch::Tensor& predicted, const Study& study, double minimum_volume_mm3) {
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  const Components components = label_components(predicted);
  const auto shared = shared_voxels(components, study.truth);
  Detections detections;
  for (std::size_t i = 0; i < shared.size(); ++i) {
    const auto voxels = static_cast<double>(components.voxels[i]);
    const bool large = voxels * voxel_mm3 >= minimum_volume_mm3;
    if (shared[i].empty()) {
      ++detections.false_positives_any_size;
      detections.false_positives += large ? 1 : 0;
    } else if (large) {
      for (const auto& [lesion, common] : shared[i]) {
        detections.found[lesion].shared += common;
        detections.found[lesion].components += voxels;
      }
    }
  }
  const auto objects = static_cast<int>(components.voxels.size());
  const Components product = label_components(predicted.logical_and(study.truth.ne(0)));
  detections.false_positives_product = std::max(0, objects - static_cast<int>(product.voxels.size()));
  return detections;
}

torch::Tensor inside_head(const Study& study) {
  return study.images.amax(0).gt(0).logical_or(study.truth.ne(0));
}

StudyFigures score_study(const torch::Tensor& log_odds, const Study& study, const LesionRule& rule) {
  if (log_odds.sizes() != study.truth.sizes())
    throw Error(Error::Kind::bad_input, study.name + ": the prediction is not on the grid of the truth");
  StudyFigures figures;
  figures.study = study.name;
  figures.patient = study.patient;
  const auto accepted_by = [&](const LesionRule& by) {
    return without_dropped_components(log_odds, by, study.spacing_mm).ge(log_odds_of(rule.threshold));
  };
  const torch::Tensor predicted = accepted_by(of_any_size(rule));
  score_voxels(log_odds, accepted_by(rule), study, figures);
  const Detections detections = detect(predicted, study, rule.minimum_volume_mm3);
  figures.false_positives = detections.false_positives;
  figures.false_positives_any_size = detections.false_positives_any_size;
  figures.false_positives_product = detections.false_positives_product;
  const double voxel_mm3 = study.spacing_mm[0] * study.spacing_mm[1] * study.spacing_mm[2];
  double detected_dice = 0;
  for (const Lesion& lesion : list_lesions({study})) {
    const auto own = detections.found.find(lesion.number);
    const bool found = own != detections.found.end();
    const auto voxels = static_cast<double>(lesion.voxels);
    if (found) detected_dice += 2 * own->second.shared / (voxels + own->second.components);
    figures.lesions.push_back(
        {longest_diameter_mm(mask_of(lesion, study), study.spacing_mm), voxels * voxel_mm3, found});
  }
  figures.detected_dice = ratio(detected_dice, static_cast<double>(detections.found.size()));
  figures.lesion_wise_dice = lesion_wise_dice(predicted, study);
  figures.predictions = detect_lesions(log_odds.sigmoid(), study);
  return figures;
}

}  // namespace metserve::models
