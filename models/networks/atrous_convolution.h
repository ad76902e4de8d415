#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/types.h>

namespace metserve::models {

/// A 3x3 convolution of stride 1 without bias whose padding is its dilation, the rate ("atrous", Chen 2017,
/// arXiv 1706.05587), equal to torch::nn::Conv2d's to rounding. At the rates of atrous spatial pyramid
/// pooling most taps lie in the padding for most of the map, so on the CPU each tap is a 1x1 convolution of
/// the part of the map that it sees, and nothing is multiplied by zero.
class AtrousConv2dImpl : public torch::nn::Conv2dImpl {
 public:
  AtrousConv2dImpl(std::int64_t in, std::int64_t out, std::int64_t rate);

  /// `x`: [N, in, h, w] float32 or bfloat16. Returns [N, out, h, w] of the same type.
  torch::Tensor forward(const torch::Tensor& x);
};
TORCH_MODULE(AtrousConv2d);

}  // namespace metserve::models
