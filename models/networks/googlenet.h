#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include "models/networks/network.h"

namespace metserve::models {

/// `googlenet` (Groevik 2020): Inception v1 (Szegedy 2015) on the stacked slices, with batch normalisation
/// after each convolution, the first and third max-pool left out and stride 1 in the first 7x7 convolution,
/// so 4x downsampling in all; one transposed convolution 8x8 of stride 4 gives the logits. Module names are
/// torchvision's, but the third branch has the paper's 5x5 convolution where torchvision has 3x3.
class GoogLeNet : public NetworkModule {
 public:
  explicit GoogLeNet(const NetworkConfig& config);
  void add_to_logits(double value) override;

 protected:
  torch::Tensor run(const torch::Tensor& x, const std::vector<SlotSet>& kept) override;

 private:
  torch::nn::Sequential layers_;  ///< registered one by one, by their names in the paper
  torch::nn::ConvTranspose2d upsample_;
};

}  // namespace metserve::models
