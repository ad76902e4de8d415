#include "models/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <torch/nn/functional/upsampling.h>

#include "models/error.h"

namespace metserve::models {
namespace {

namespace fn = torch::nn::functional;

/// Uniform in [0, 1), the same with every standard library.
double uniform(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1.0p-53;
}

std::int64_t uniform_int(std::mt19937_64& random, std::int64_t first, std::int64_t last) {
  return first + static_cast<std::int64_t>(uniform(random) * static_cast<double>(last - first + 1));
}

void check(const SamplerOptions& o, const std::vector<Study>& studies) {
  const auto refuse = [](const std::string& what) {
    throw Error(Error::Kind::bad_input, "sampler: " + what);
  };
  if (o.crop < 32 || o.crop % 32 != 0) refuse("crop must be a multiple of 32");
  if (o.batch < 1) refuse("batch must be at least 1");
  if (o.slices < 1 || o.slices % 2 == 0) refuse("slices must be odd");
  if (!(o.lesion_share >= 0 && o.lesion_share <= 1)) refuse("lesion_share must be in 0..1");
  if (!(o.small_lesion_bias >= 0 && o.small_lesion_bias <= 1)) refuse("small_lesion_bias must be in 0..1");
  if (!(o.gamma_jitter >= 0 && o.gamma_jitter <= 1)) refuse("gamma_jitter must be in 0..1");
  if (o.oversampling != 0 && !(o.oversampling >= 1)) refuse("oversampling must be 0 or at least 1");
  if (o.oversampling != 0 && !o.by_slice) refuse("oversampling is of slices: by_slice must be on");
  if (!(o.scale_jitter >= 0 && o.scale_jitter <= 0.5)) refuse("scale_jitter must be in 0..0.5");
  for (const Study& study : studies)
    if (study.truth.size(1) < o.crop || study.truth.size(2) < o.crop)
      refuse("study " + study.name + " is smaller than the crop");
}

constexpr std::int64_t mirrored = 4;  ///< of the symmetries: from left to right and nothing else

/// One of the eight symmetries of the square, on the last two axes.
torch::Tensor turned(const torch::Tensor& image, std::int64_t symmetry) {
  const torch::Tensor rotated = torch::rot90(image, symmetry % 4, {-2, -1});
  return symmetry >= mirrored ? rotated.flip(-1) : rotated;
}

torch::Tensor resized(const torch::Tensor& image, std::int64_t size) {
  return fn::interpolate(image, fn::InterpolateFuncOptions()
                                    .size(std::vector<std::int64_t>{size, size})
                                    .mode(torch::kBilinear)
                                    .align_corners(false));
}

}  // namespace

Sampler::Sampler(const std::vector<Study>& studies, const SamplerOptions& options)
    : studies_(studies),
      options_(options),
      lesions_(list_lesions(studies)),
      lesion_share_(options.lesion_share) {
  check(options, studies);
  if (lesions_.empty()) throw Error(Error::Kind::bad_input, "sampler: no study has a lesion");
  if (options.by_slice)
    draw_by_slice();
  else
    draw_by_lesion();
}

void Sampler::draw_by_lesion() {
  double sum = 0;
  for (std::size_t i = 0; i < lesions_.size(); ++i) {
    sum += std::pow(static_cast<double>(lesions_[i].voxels), -options_.small_lesion_bias);
    choices_.push_back({i, lesions_[i].first[0], lesions_[i].last[0]});
    cumulative_.push_back(sum);
  }
}

void Sampler::draw_by_slice() {
  std::map<std::pair<std::size_t, std::int64_t>, std::vector<std::size_t>> shown;  // lesions of each slice
  for (std::size_t i = 0; i < lesions_.size(); ++i)
    for (std::int64_t slice = lesions_[i].first[0]; slice <= lesions_[i].last[0]; ++slice)
      shown[{lesions_[i].study, slice}].push_back(i);
  double sum = 0;
  for (const auto& [slice, lesions] : shown)
    for (const std::size_t lesion : lesions) {
      sum += 1 / static_cast<double>(lesions.size());
      choices_.push_back({lesion, slice.second, slice.second});
      cumulative_.push_back(sum);
    }
  if (options_.oversampling == 0) return;
  std::int64_t slices = 0;
  for (const Study& study : studies_) slices += study.truth.size(0);
  const double more = (options_.oversampling - 1) * static_cast<double>(shown.size());
  lesion_share_ = more / (more + static_cast<double>(slices));
}

Sampler::Place Sampler::lesion_place(std::mt19937_64& random) const {
  const double at = uniform(random) * cumulative_.back();
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin();
  const LesionSlices& chosen = choices_[std::min(static_cast<std::size_t>(found), choices_.size() - 1)];
  const Lesion& lesion = lesions_[chosen.lesion];
  const std::int64_t reach = options_.crop * 2 / 5;
  const std::int64_t slice = uniform_int(random, chosen.first, chosen.last);
  const std::int64_t row = (lesion.first[1] + lesion.last[1]) / 2 + uniform_int(random, -reach, reach);
  const std::int64_t column = (lesion.first[2] + lesion.last[2]) / 2 + uniform_int(random, -reach, reach);
  return {&studies_[lesion.study], slice, row, column};
}

Sampler::Place Sampler::head_place(std::mt19937_64& random) const {
  const Study& study = studies_[static_cast<std::size_t>(
      uniform_int(random, 0, static_cast<std::int64_t>(studies_.size()) - 1))];
  const std::int64_t depth = study.truth.size(0), rows = study.truth.size(1), columns = study.truth.size(2);
  Place place{&study, depth / 2, rows / 2, columns / 2};
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::int64_t z = uniform_int(random, 0, depth - 1), y = uniform_int(random, 0, rows - 1),
                       x = uniform_int(random, 0, columns - 1);
    if (!study.images.select(3, x).select(2, y).select(1, z).any().item<bool>()) continue;
    place = {&study, z, y, x};
    break;
  }
  return place;
}

void Sampler::fill(const Place& place, std::mt19937_64& random, torch::Tensor input,
                   torch::Tensor target) const {
  const Study& study = *place.study;
  const std::int64_t depth = study.truth.size(0), rows = study.truth.size(1), columns = study.truth.size(2);
  const std::int64_t crop = options_.crop, slices = options_.slices;
  const double zoom = std::exp((2 * uniform(random) - 1) * std::log1p(options_.scale_jitter));
  const bool scaled = options_.scale_jitter > 0 && uniform(random) < 0.5;
  const std::int64_t size =
      std::min({scaled ? std::lround(static_cast<double>(crop) * zoom) : crop, rows, columns});
  const std::int64_t top = std::clamp<std::int64_t>(place.row - size / 2, 0, rows - size);
  const std::int64_t left = std::clamp<std::int64_t>(place.column - size / 2, 0, columns - size);
  const bool upside_down = !options_.upright && uniform(random) < 0.5;
  const std::int64_t symmetry =
      options_.upright ? uniform_int(random, 0, 1) * mirrored : uniform_int(random, 0, 7);
  torch::Tensor crops = torch::empty({static_cast<std::int64_t>(slot_count), slices, size, size});
  for (std::int64_t i = 0; i < slices; ++i) {
    const std::int64_t z = place.slice + (upside_down ? slices / 2 - i : i - slices / 2);
    const torch::Tensor slice = study.images.select(1, std::clamp<std::int64_t>(z, 0, depth - 1));
    crops.select(1, i).copy_(slice.narrow(1, top, size).narrow(2, left, size));
  }
  crops.div_(255);
  for (std::int64_t slot = 0; slot < crops.size(0); ++slot)
    crops[slot].pow_(std::exp((2 * uniform(random) - 1) * options_.gamma_jitter));
  torch::Tensor truth = study.truth[place.slice]
                            .narrow(0, top, size)
                            .narrow(1, left, size)
                            .gt(0)
                            .to(torch::kFloat32)
                            .unsqueeze(0)
                            .unsqueeze(0);
  if (size != crop) {
    crops = resized(crops, crop);
    truth = resized(truth, crop).gt(0.5).to(torch::kFloat32);
  }
  input.copy_(turned(crops.reshape({-1, crop, crop}), symmetry));
  target.copy_(turned(truth[0], symmetry));
}

Batch Sampler::draw(std::mt19937_64& random) const {
  torch::NoGradGuard no_grad;
  const std::int64_t channels = static_cast<std::int64_t>(slot_count) * options_.slices;
  Batch batch{torch::empty({options_.batch, channels, options_.crop, options_.crop}),
              torch::empty({options_.batch, 1, options_.crop, options_.crop}),
              {}};
  for (std::int64_t i = 0; i < options_.batch; ++i) {
    const Place place = uniform(random) < lesion_share_ ? lesion_place(random) : head_place(random);
    fill(place, random, batch.input[i], batch.target[i]);
    batch.present.push_back(place.study->present);
  }
  return batch;
}

}  // namespace metserve::models
