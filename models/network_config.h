#pragma once

#include <string>

namespace metserve::models {

/// What is needed to build a network; stored in the model manifest and in the weights' metadata.
struct NetworkConfig {
  std::string network = "input";      ///< fusion level: only "input" for now
  std::string backbone = "resnet18";  ///< resnet18, resnet34, resnet50, resnet101
  int output_stride = 8;              ///< 4, 8 or 16; 4 leaves out the stem's max-pool and dilates like 8
  int width = 64;                     ///< channels of the first stage, 64 in the ResNet paper
  int aspp_channels = 256;            ///< channels of each ASPP branch and of the head
  int slots = 4;                      ///< sequences
  int slices = 5;                     ///< contiguous axial slices per sequence, odd
  bool operator==(const NetworkConfig&) const = default;
};

}  // namespace metserve::models
