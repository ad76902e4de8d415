#pragma once

#include "models/networks/deeplabv3.h"
#include "models/networks/network.h"

namespace metserve::models {

/// `input` (Groevik 2021, Yi 2019): one DeepLabV3 on the stacked slices of all sequences.
class InputNetwork : public NetworkModule {
 public:
  explicit InputNetwork(const NetworkConfig& config);
  void add_to_logits(double value) override;

 protected:
  torch::Tensor run(const torch::Tensor& x, const std::vector<SlotSet>& kept) override;

 private:
  DeepLabV3 network_;
};

}  // namespace metserve::models
