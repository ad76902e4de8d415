#include "models/inference.h"

#include <algorithm>
#include <numeric>

#include <torch/types.h>

#include "models/error.h"

namespace metserve::models {
namespace {

struct Range {
  std::int64_t first;
  std::int64_t size;
};

/// The part of an axis where `used` is not zero, widened to a margin and a multiple of 32.
Range used_range(const torch::Tensor& used) {
  constexpr std::int64_t margin = 4, multiple = 32;
  const std::int64_t length = used.numel();
  const torch::Tensor where = used.nonzero();
  if (where.numel() == 0) return {0, std::min(length, multiple)};
  const std::int64_t first = where.min().item<std::int64_t>() - margin;
  const std::int64_t last = where.max().item<std::int64_t>() + margin;
  const std::int64_t size = std::min(length, (last - first + multiple) / multiple * multiple);
  const std::int64_t begin = std::clamp<std::int64_t>((first + last + 1 - size) / 2, 0, length - size);
  return {begin, size};
}

/// [batch, 4 * slices, h, w] float32 around each of the centre slices.
torch::Tensor stacks(const torch::Tensor& images, torch::ArrayRef<std::int64_t> centres,
                     std::int64_t slices) {
  std::vector<std::int64_t> wanted;
  for (std::int64_t centre : centres)
    for (std::int64_t i = 0; i < slices; ++i)
      wanted.push_back(std::clamp<std::int64_t>(centre + i - slices / 2, 0, images.size(1) - 1));
  const torch::Tensor index = torch::tensor(wanted, torch::kInt64).to(images.device());
  const auto batch = static_cast<std::int64_t>(centres.size());
  torch::Tensor stack = images.index_select(1, index)
                            .view({images.size(0), batch, slices, images.size(2), images.size(3)})
                            .transpose(0, 1)
                            .reshape({batch, images.size(0) * slices, images.size(2), images.size(3)});
  return images.scalar_type() == torch::kUInt8 ? stack.to(torch::kFloat32).div_(255) : stack;
}

/// [H, W], not zero where any slice of any present sequence has signal.
torch::Tensor in_plane_extent(const torch::Tensor& images, SlotSet present) {
  torch::Tensor extent;
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    if (!present.test(slot)) continue;
    const torch::Tensor own = images[static_cast<std::int64_t>(slot)].amax(0);
    extent = extent.defined() ? torch::maximum(extent, own) : own;
  }
  return extent;
}

/// On the device, with zeros for the absent sequences whatever they held.
torch::Tensor without_absent(const torch::Tensor& images, SlotSet present, const torch::Device& device) {
  torch::Tensor result = torch::zeros(images.sizes(), images.options().device(device));
  for (std::size_t slot = 0; slot < slot_count; ++slot)
    if (present.test(slot))
      result[static_cast<std::int64_t>(slot)].copy_(images[static_cast<std::int64_t>(slot)]);
  return result;
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
  network->eval();
  const torch::Tensor extent = in_plane_extent(images, present);
  const Range rows = used_range(extent.amax(1)), columns = used_range(extent.amax(0));
  const torch::Tensor box =
      without_absent(images.narrow(2, rows.first, rows.size).narrow(3, columns.first, columns.size), present,
                     options.device);
  std::vector<std::int64_t> slices = options.slices;
  if (slices.empty()) {
    slices.resize(static_cast<std::size_t>(images.size(1)));
    std::iota(slices.begin(), slices.end(), 0);
  }
  const auto count = static_cast<std::int64_t>(slices.size());
  torch::Tensor result = torch::zeros({count, images.size(2), images.size(3)});
  for (std::int64_t i = 0; i < count; i += options.batch) {
    const std::int64_t size = std::min<std::int64_t>(options.batch, count - i);
    const torch::ArrayRef<std::int64_t> centres(slices.data() + i, static_cast<std::size_t>(size));
    const torch::Tensor stack =
        stacks(box, centres, network->config().slices).contiguous(torch::MemoryFormat::ChannelsLast);
    const std::vector<SlotSet> kept(static_cast<std::size_t>(size), present);
    const AutocastGuard autocast(options.precision, options.device);
    const torch::Tensor probability = network->forward(stack, kept).sigmoid().squeeze(1);
    result.narrow(0, i, size)
        .narrow(1, rows.first, rows.size)
        .narrow(2, columns.first, columns.size)
        .copy_(probability);
    if (options.on_progress) options.on_progress(static_cast<double>(i + size) / static_cast<double>(count));
  }
  return result;
}

}  // namespace metserve::models
