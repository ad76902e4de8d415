#include "models/preprocess.h"

#include <algorithm>
#include <string>
#include <vector>

#include <torch/types.h>

#include "models/equaliser.h"
#include "models/error.h"
#include "models/mask_slice.h"

namespace metserve::models {
namespace {

constexpr std::int64_t mask_size = 64;  ///< pixels along the shorter axis that the mask is found at
constexpr double mask_level = 0.07;     ///< of the way from air to the 98th percentile; above it is head
constexpr std::int64_t quantile_count = 200'000;

/// The runs of each slice.
using VolumeRuns = std::vector<std::vector<Run>>;

void check_volume(const torch::Tensor& volume) {
  if (volume.dim() != 3 || volume.scalar_type() != torch::kFloat32)
    throw Error(Error::Kind::bad_input, "preprocess: a volume must be [D, H, W] float32");
}

void check(const torch::Tensor& slices, const ClaheOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(Error::Kind::bad_input, "clahe: " + what); };
  if (options.tiles < 1 || options.tiles > 32) refuse("tiles must be in 1..32");
  if (options.bins < 16 || options.bins > 4096) refuse("bins must be in 16..4096");
  if (!(options.clip_limit >= 1)) refuse("clip_limit must be at least 1");
  if (slices.dim() != 3 || slices.scalar_type() != torch::kFloat32)
    refuse("slices must be [N, H, W] float32");
  if (std::min(slices.size(1), slices.size(2)) < 2 * options.tiles)
    refuse("slices must be at least two pixels per tile");
}

/// A copy in this process's memory, slice after slice.
torch::Tensor copy_here(const torch::Tensor& volume) {
  return volume.to(volume.options().device(torch::kCPU), false, true, at::MemoryFormat::Contiguous);
}

/// Every how manieth value a sample takes: exact order statistics are not needed and sorting is slow.
std::int64_t sampling_step(std::int64_t values) {
  return std::max<std::int64_t>(1, values / quantile_count);
}

float quantile_of(const torch::Tensor& sample, double share) {
  const auto rank = static_cast<std::int64_t>(share * static_cast<double>(sample.numel() - 1));
  return std::get<0>(sample.kthvalue(rank + 1)).item<float>();
}

/// `volume`: contiguous, on the CPU.
VolumeRuns head_runs(const torch::Tensor& volume) {
  const std::int64_t depth = volume.size(0), rows = volume.size(1), columns = volume.size(2);
  const std::int64_t factor = std::max<std::int64_t>(1, std::min(rows, columns) / mask_size);
  const torch::Tensor coarse = torch::avg_pool2d(volume.unsqueeze(1), factor, factor, 0, true);
  const torch::Tensor sample = coarse.flatten().slice(0, 0, coarse.numel(), sampling_step(coarse.numel()));
  // Air is what the darkest tenth holds; its mean is not zero in magnitude images.
  const double air = std::max(0.0F, quantile_of(sample, 0.10)), bright = quantile_of(sample, 0.98);
  const auto level = static_cast<float>(air + mask_level * (bright - air));

  const auto mask_rows = static_cast<std::size_t>(coarse.size(2)),
             mask_columns = static_cast<std::size_t>(coarse.size(3));
  const auto* values = coarse.data_ptr<float>();
  VolumeRuns runs(static_cast<std::size_t>(depth));
  for (std::size_t k = 0; k < runs.size(); ++k) {
    MaskSlice mask{mask_rows, mask_columns, std::vector<std::uint8_t>(mask_rows * mask_columns)};
    std::transform(values + k * mask.pixels.size(), values + (k + 1) * mask.pixels.size(),
                   mask.pixels.begin(), [level](float value) { return value > level ? 1 : 0; });
    enclose(mask);
    runs[k] = runs_of(mask, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
  }
  return runs;
}

/// Calls `visit(pixels, count)` for every run of the volume, slice after slice.
template <typename Value, typename Visit>
void for_each_run(const VolumeRuns& runs, const torch::Tensor& volume, const Visit& visit) {
  const auto rows = static_cast<std::size_t>(volume.size(1)),
             columns = static_cast<std::size_t>(volume.size(2));
  for (std::size_t k = 0; k < runs.size(); ++k)
    for (const Run& run : runs[k])
      visit(volume.data_ptr<Value>() + (k * rows + run.row) * columns + run.begin, run.end - run.begin);
}

/// A regular sample of the voxels inside.
std::vector<float> sample_inside(const torch::Tensor& volume, const VolumeRuns& runs) {
  std::size_t count = 0;
  for_each_run<float>(runs, volume, [&](const float*, std::size_t length) { count += length; });
  const auto step = static_cast<std::size_t>(sampling_step(static_cast<std::int64_t>(count)));
  std::vector<float> sample;
  sample.reserve(count / step + 1);
  std::size_t next = 0;  // of the run
  for_each_run<float>(runs, volume, [&](const float* voxels, std::size_t length) {
    for (; next < length; next += step) sample.push_back(voxels[next]);
    next -= length;
  });
  return sample;
}

/// Equalises the slices in place.
void equalise(const torch::Tensor& slices, const Window& window, const VolumeRuns& inside,
              const ClaheOptions& options) {
  const auto rows = static_cast<std::size_t>(slices.size(1)),
             columns = static_cast<std::size_t>(slices.size(2));
  auto* first = slices.data_ptr<float>();
  Equaliser equaliser(rows, columns, options);
  for (std::size_t k = 0; k < inside.size(); ++k)
    equaliser.apply(first + k * rows * columns, window, inside[k]);
}

}  // namespace

torch::Tensor head_mask(const torch::Tensor& volume) {
  check_volume(volume);
  torch::NoGradGuard no_grad;
  const torch::Tensor mask = torch::zeros(volume.sizes(), torch::kBool);
  for_each_run<bool>(head_runs(volume.cpu().contiguous()), mask,
                     [](bool* voxels, std::size_t length) { std::fill_n(voxels, length, true); });
  return mask.to(volume.device());
}

torch::Tensor clahe(const torch::Tensor& slices, const ClaheOptions& options) {
  check(slices, options);
  torch::NoGradGuard no_grad;
  const torch::Tensor result = copy_here(slices);
  std::vector<Run> whole(static_cast<std::size_t>(slices.size(1)));
  for (std::size_t row = 0; row < whole.size(); ++row)
    whole[row] = {row, 0, static_cast<std::size_t>(slices.size(2))};
  equalise(result, {0, 1}, VolumeRuns(static_cast<std::size_t>(slices.size(0)), whole), options);
  return result.to(slices.device());
}

void preprocess_sequence_(const torch::Tensor& volume, const ClaheOptions& options) {
  check_volume(volume);
  check(volume, options);
  if (!volume.is_cpu() || !volume.is_contiguous())
    throw Error(Error::Kind::bad_input, "preprocess: a volume that is changed must be contiguous on the CPU");
  torch::NoGradGuard no_grad;
  const VolumeRuns head = head_runs(volume);
  std::vector<float> values = sample_inside(volume, head);
  if (values.empty()) {
    volume.zero_();
    return;
  }
  const torch::Tensor sample = torch::from_blob(values.data(), static_cast<std::int64_t>(values.size()));
  const Window window{quantile_of(sample, 0.005), quantile_of(sample, 0.998)};
  if (window.high > window.low)
    equalise(volume, window, head, options);
  else
    volume.zero_();
}

torch::Tensor preprocess_sequence(const torch::Tensor& volume, const ClaheOptions& options) {
  check_volume(volume);
  const torch::Tensor result = copy_here(volume);
  preprocess_sequence_(result, options);
  return result.to(volume.device());
}

}  // namespace metserve::models
