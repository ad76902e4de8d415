#include "models/sampler.h"

#include <algorithm>
#include <cmath>

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
    : studies_(studies), options_(options), lesions_(list_lesions(studies)) {
  check(options, studies);
  if (lesions_.empty()) throw Error(Error::Kind::bad_input, "sampler: no study has a lesion");
  double sum = 0;
  for (const Lesion& lesion : lesions_) {
    sum += std::pow(static_cast<double>(lesion.voxels), -options.small_lesion_bias);
    cumulative_.push_back(sum);
  }
}

Sampler::Place Sampler::lesion_place(std::mt19937_64& random) const {
  const double at = uniform(random) * cumulative_.back();
  const auto chosen = std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin();
  const Lesion& lesion = lesions_[std::min(static_cast<std::size_t>(chosen), lesions_.size() - 1)];
  const std::int64_t reach = options_.crop * 2 / 5;
  const std::int64_t slice = uniform_int(random, lesion.first[0], lesion.last[0]);
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
    const Place place = uniform(random) < options_.lesion_share ? lesion_place(random) : head_place(random);
    fill(place, random, batch.input[i], batch.target[i]);
    batch.present.push_back(place.study->present);
  }
  return batch;
}

}  // namespace metserve::models
