#pragma once

#include <vector>

#include "models/networks/deeplabv3.h"
#include "models/networks/network.h"

namespace metserve::models {

/// `mid-shared`, `mid-independent`, `mid-l2`, `mid-subtract` (Yi 2019): one trunk per sequence up to the
/// fourth residual block, features concatenated right before the ASPP. The trunks are one (`backbone`) or
/// four
/// (`backbones.0` to `.3`, BRAVO first), which `mid-l2` ties by a penalty. `mid-subtract` has one, and
/// the features of CUBE pre are subtracted from those of CUBE post.
class MidNetwork : public NetworkModule {
 public:
  explicit MidNetwork(const NetworkConfig& config);
  torch::Tensor tie_penalty() const override;
  void add_to_logits(double value) override;

 protected:
  torch::Tensor run(const torch::Tensor& x, const std::vector<SlotSet>& kept) override;

 private:
  std::vector<ResNet> trunks_;
  torch::nn::Sequential classifier_{nullptr};
};

}  // namespace metserve::models
