#pragma once

#include <vector>

#include "models/networks/deeplabv3.h"
#include "models/networks/network.h"

namespace metserve::models {

/// `end-shared`, `end-independent`, `end-l2` (Yi 2019): one whole DeepLabV3 per sequence, their logits
/// averaged (or summed). The networks are one (torchvision's names) or four (`networks.0` to `.3`, BRAVO
/// first), which `end-l2` ties by a penalty.
class EndNetwork : public NetworkModule {
 public:
  explicit EndNetwork(const NetworkConfig& config);
  torch::Tensor tie_penalty() const override;
  void add_to_logits(double value) override;

 protected:
  torch::Tensor run(const torch::Tensor& x, const std::vector<SlotSet>& kept) override;

 private:
  std::vector<DeepLabV3> networks_;
};

}  // namespace metserve::models
