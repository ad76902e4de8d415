#include "models/networks/atrous_convolution.h"

#include <algorithm>
#include <span>
#include <vector>

#include <torch/csrc/autograd/custom_function.h>

namespace metserve::models {
namespace {

namespace autograd = torch::autograd;

/// What a tap sees of an axis of the map: at [to, to + size) of the output, [from, from + size) of the input.
struct Reach {
  Reach(std::int64_t tap, std::int64_t rate, std::int64_t length)
      : from(std::max<std::int64_t>(0, (tap - 1) * rate)),
        to(std::max<std::int64_t>(0, (1 - tap) * rate)),
        size(length - std::max(from, to)) {}

  std::int64_t from, to, size;
};

struct Tap {
  std::int64_t row, column;
  Reach rows, columns;

  torch::Tensor weight(const torch::Tensor& of) const { return of.narrow(2, row, 1).narrow(3, column, 1); }
  torch::Tensor input(const torch::Tensor& of) const {
    return of.narrow(2, rows.from, rows.size).narrow(3, columns.from, columns.size);
  }
  torch::Tensor output(const torch::Tensor& of) const {
    return of.narrow(2, rows.to, rows.size).narrow(3, columns.to, columns.size);
  }
};

/// Those that see any of a [.., h, w] map. First the one in the middle, which sees all of it.
std::vector<Tap> taps_on(const torch::Tensor& map, std::int64_t rate) {
  std::vector<Tap> taps;
  for (std::int64_t row : {1, 0, 2}) {
    for (std::int64_t column : {1, 0, 2}) {
      const Tap tap{row, column, {row, rate, map.size(2)}, {column, rate, map.size(3)}};
      if (tap.rows.size > 0 && tap.columns.size > 0) taps.push_back(tap);
    }
  }
  return taps;
}

torch::Tensor dense(const torch::Tensor& map) {
  return map.contiguous(torch::MemoryFormat::ChannelsLast);
}

/// Sums of taps are float32, so that nine additions round no more than one convolution does.
class TapByTap : public autograd::Function<TapByTap> {
 public:
  static torch::Tensor forward(autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, std::int64_t rate) {
    context->save_for_backward({x, weight});
    context->saved_data["rate"] = rate;
    const auto through = [&](const Tap& tap) {
      return torch::conv2d(dense(tap.input(x)), dense(tap.weight(weight)));
    };
    const std::vector<Tap> taps = taps_on(x, rate);
    torch::Tensor sum = through(taps.front()).to(torch::kFloat32);
    for (const Tap& tap : std::span(taps).subspan(1)) tap.output(sum) += through(tap);
    return sum.to(x.scalar_type());
  }

  static autograd::variable_list backward(autograd::AutogradContext* context,
                                          const autograd::variable_list& gradients) {
    const autograd::variable_list saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1];
    torch::Tensor of_weight = torch::zeros_like(weight);
    const auto through = [&](const Tap& tap) {
      const auto [of_input, of_own, no_bias] = at::convolution_backward(
          dense(tap.output(gradients[0])), dense(tap.input(x)), dense(tap.weight(weight)), {}, {1, 1}, {0, 0},
          {1, 1}, false, {0, 0}, 1, {true, true, false});
      tap.weight(of_weight).copy_(of_own);
      return of_input;
    };
    const std::vector<Tap> taps = taps_on(x, context->saved_data["rate"].toInt());
    torch::Tensor of_x = through(taps.front()).to(torch::kFloat32);
    for (const Tap& tap : std::span(taps).subspan(1)) tap.input(of_x) += through(tap);
    return {of_x.to(x.scalar_type()), of_weight, {}};
  }
};

/// From the rates of atrous spatial pyramid pooling on, less is multiplied. A backbone's rates gain where
/// oneDNN 2.6 has no direct kernel and copies the map nine times: without AVX-512. With it they lose a
/// quarter of the time.
bool pays_off(std::int64_t rate) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool avx512 = __builtin_cpu_supports("avx512f") != 0;
  if (!avx512) return true;
#endif
  return rate >= 6;
}

}  // namespace

AtrousConv2dImpl::AtrousConv2dImpl(std::int64_t in, std::int64_t out, std::int64_t rate)
    : Conv2dImpl(torch::nn::Conv2dOptions(in, out, 3).padding(rate).dilation(rate).bias(false)) {}

torch::Tensor AtrousConv2dImpl::forward(const torch::Tensor& x) {
  const std::int64_t rate = options.dilation()->at(0);
  if (!x.device().is_cpu() || !pays_off(rate)) return Conv2dImpl::forward(x);
  // Under autocast the map has the faster type already, as the convolutions before give it.
  return TapByTap::apply(x, weight.to(x.scalar_type()), rate);
}

}  // namespace metserve::models
