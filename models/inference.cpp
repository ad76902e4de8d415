#include "models/inference.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include <torch/types.h>

#include "models/error.h"
#include "models/log_odds.h"

namespace metserve::models {
namespace {

struct Range {
  std::int64_t first = 0;
  std::int64_t size = 0;  ///< 0: nothing is used
};

/// A slice and the part of its plane that the network sees.
struct Plane {
  std::int64_t index;  ///< among those that were asked for
  std::int64_t slice;
  Range rows, columns;
  auto size() const { return std::pair(rows.size, columns.size); }
};

/// The part of an axis where `used` is not zero, widened to a margin and a multiple of 16.
Range used_range(const torch::Tensor& used) {
  constexpr std::int64_t margin = 4, multiple = 16;
  const std::int64_t length = used.numel();
  const torch::Tensor where = used.nonzero();
  if (where.numel() == 0) return {};
  const std::int64_t first = where.min().item<std::int64_t>() - margin;
  const std::int64_t last = where.max().item<std::int64_t>() + margin;
  const std::int64_t size = std::min(length, (last - first + multiple) / multiple * multiple);
  const std::int64_t begin = std::clamp<std::int64_t>((first + last + 1 - size) / 2, 0, length - size);
  return {begin, size};
}

/// [4, D, H, W] on the device, with zeros for the absent sequences whatever they held.
torch::Tensor without_absent(const torch::Tensor& images, SlotSet present, const torch::Device& device) {
  torch::Tensor result = torch::zeros(images.sizes(), images.options().device(device));
  for (std::size_t slot = 0; slot < slot_count; ++slot)
    if (present.test(slot))
      result[static_cast<std::int64_t>(slot)].copy_(images[static_cast<std::int64_t>(slot)]);
  return result;
}

/// Numbers of the slices that the network sees around one of a study of `depth`.
std::vector<std::int64_t> neighbours(std::int64_t slice, std::int64_t count, std::int64_t depth) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(std::clamp<std::int64_t>(slice + i - count / 2, 0, depth - 1));
  return result;
}

/// What is to be computed: planes of one size behind each other, none for slices without signal.
std::vector<Plane> planes_of(const torch::Tensor& images, torch::ArrayRef<std::int64_t> slices,
                             std::int64_t depth_of_stack) {
  const torch::Tensor extent = images.amax(0).cpu();
  const torch::Tensor rows = extent.amax(2), columns = extent.amax(1);
  std::vector<Plane> planes;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const torch::Tensor stack = torch::tensor(neighbours(slices[i], depth_of_stack, images.size(1)));
    const Plane plane{static_cast<std::int64_t>(i), slices[i],
                      used_range(rows.index_select(0, stack).amax(0)),
                      used_range(columns.index_select(0, stack).amax(0))};
    if (plane.rows.size > 0) planes.push_back(plane);
  }
  std::stable_sort(planes.begin(), planes.end(),
                   [](const Plane& a, const Plane& b) { return a.size() < b.size(); });
  return planes;
}

/// [number of planes, 4 * slices, h, w] float32; the planes are of one size.
torch::Tensor stacks(const torch::Tensor& images, std::span<const Plane> planes, std::int64_t slices) {
  std::vector<torch::Tensor> result;
  for (const Plane& plane : planes) {
    const auto index = torch::tensor(neighbours(plane.slice, slices, images.size(1)), images.device());
    // Slices first: taken from the part, they would be copied with the part of every other slice.
    result.push_back(images.index_select(1, index)
                         .narrow(2, plane.rows.first, plane.rows.size)
                         .narrow(3, plane.columns.first, plane.columns.size)
                         .flatten(0, 1));
  }
  const torch::Tensor stack = torch::stack(result);
  return images.scalar_type() == torch::kUInt8 ? stack.to(torch::kFloat32).div_(255) : stack;
}

/// [N, 1, h, w] float32 log-odds of `stack` [N, 4 * slices, h, w]; `mirrored_from` as in InferenceOptions.
torch::Tensor answer(const Network& network, const torch::Tensor& stack, SlotSet present,
                     std::optional<double> mirrored_from) {
  constexpr int columns = 3;
  const auto ask = [&](const torch::Tensor& images) {
    const std::vector<SlotSet> kept(static_cast<std::size_t>(images.size(0)), present);
    return network->forward(images.contiguous(torch::MemoryFormat::ChannelsLast), kept).to(torch::kFloat32);
  };
  const torch::Tensor log_odds = ask(stack);
  if (!mirrored_from) return log_odds;
  const torch::Tensor again = log_odds.amax({1, 2, 3}).ge(log_odds_of(*mirrored_from)).nonzero().squeeze(1);
  if (again.numel() == 0) return log_odds;
  const torch::Tensor mirror = ask(stack.index_select(0, again).flip(columns)).flip(columns);
  return log_odds.index_copy(0, again, log_odds.index_select(0, again).add(mirror).div(2));
}

void check(const torch::Tensor& images, SlotSet present) {
  if (present.none())
    throw Error(Error::Kind::bad_input, "inference: no sequence is present that the network was trained on");
  if (images.dim() != 4 || images.size(0) != static_cast<std::int64_t>(slot_count))
    throw Error(Error::Kind::bad_input, "inference: the images must be [4, D, H, W]");
}

}  // namespace

torch::Tensor predict(const Network& network, const torch::Tensor& images, SlotSet available,
                      const InferenceOptions& options) {
  const SlotSet present = available & network->config().subset;
  check(images, present);
  torch::InferenceMode inference;
  if (network->is_training()) network->eval();  // else it is left alone: several threads may ask it
  const torch::Tensor used = without_absent(images, present, options.device);
  std::vector<std::int64_t> slices = options.slices;
  if (slices.empty()) {
    slices.resize(static_cast<std::size_t>(images.size(1)));
    std::iota(slices.begin(), slices.end(), 0);
  }
  const std::int64_t depth = network->config().slices;
  const std::vector<Plane> planes = planes_of(used, slices, depth);
  torch::Tensor result =
      torch::full({static_cast<std::int64_t>(slices.size()), images.size(2), images.size(3)},
                  -std::numeric_limits<float>::infinity());
  for (auto begin = planes.begin(); begin != planes.end();) {
    const auto limit = begin + std::min<std::ptrdiff_t>(options.batch, planes.end() - begin);
    const auto end =
        std::find_if(begin, limit, [&](const Plane& plane) { return plane.size() != begin->size(); });
    const std::span batch(begin, end);
    const AutocastGuard autocast(options.precision, options.device);
    const torch::Tensor log_odds =
        answer(network, stacks(used, batch, depth), present, options.mirrored_from).squeeze(1).cpu();
    for (std::size_t i = 0; i < batch.size(); ++i)
      result[batch[i].index]
          .narrow(0, batch[i].rows.first, batch[i].rows.size)
          .narrow(1, batch[i].columns.first, batch[i].columns.size)
          .copy_(log_odds[static_cast<std::int64_t>(i)]);
    begin = end;
    if (options.on_progress)
      options.on_progress(static_cast<double>(end - planes.begin()) / static_cast<double>(planes.size()));
  }
  return result;
}

}  // namespace metserve::models
