#pragma once

#include <vector>

#include <torch/types.h>

#include "models/networks/network.h"

namespace metserve::models {

/// A network and its copies on further devices, which share each batch while training: data parallelism as in
/// torch.nn.DataParallel. Batch normalisation sees a device's own share of the batch, and the running
/// statistics are those of the first device. One device: the network alone. One thread drives all of them,
/// which queues work for GPUs without waiting; several "cpu" only take turns.
class Replicas {
 public:
  /// Copies `network`, which is on a device already, to the `further` ones.
  Replicas(const Network& network, const std::vector<torch::Device>& further);

  /// `NetworkModule::forward` in training mode, `x` on the first device; logits on the first device, through
  /// which gradients flow back to `x` and to each copy.
  torch::Tensor forward(const torch::Tensor& x, const std::vector<SlotSet>& kept);

  /// Adds the copies' gradients to the network's. A weight that no share of the batch used has none.
  void gather_gradients();

  /// Leaves no weight a gradient, not even zeros, with which an optimiser would still move what the next
  /// batch does not use, and not after a restart (as PyTorch 2 does, LibTorch 1.13 does not).
  void forget_gradients();

  /// Gives the copies the network's weights; to be called when these have changed.
  void spread_weights();

 private:
  struct Copy {
    torch::Device device;
    Network network;
  };
  Network network_;
  std::vector<Copy> copies_;
};

}  // namespace metserve::models
