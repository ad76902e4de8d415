#pragma once

#include <array>
#include <string>
#include <string_view>

#include "models/slots.h"

namespace metserve::models {

/// Every network of the papers (docs/models.md): Groevik 2021, Yi 2019 and Groevik 2020.
inline constexpr std::array<std::string_view, 9> network_names{"input",  "mid-shared",   "mid-independent",
                                                               "mid-l2", "end-shared",   "end-independent",
                                                               "end-l2", "mid-subtract", "googlenet"};

/// What is needed to build a network; stored in the model manifest and in the weights' metadata.
struct NetworkConfig {
  std::string network = "input";      ///< one of `network_names`, or "torchscript"
  std::string backbone = "resnet18";  ///< resnet18, resnet34, resnet50, resnet101; not used by googlenet
  int output_stride = 8;    ///< 4, 8 or 16; 4 leaves out the stem's max-pool and dilates like 8; googlenet: 4
  int width = 64;           ///< channels of the first stage, 64 in the papers of ResNet and GoogLeNet; at
                            ///< least 8 where a ResNet is trained
  int aspp_channels = 256;  ///< channels of each ASPP branch and of the head; not used by googlenet
  int slots = 4;            ///< sequences
  int slices = 5;           ///< contiguous axial slices per sequence, odd; Groevik 2020 has 7

  // What follows is written to files only where it differs from its default.
  bool dropout = true;  ///< has the input dropout layer: zeroes what is absent, multiplies the rest by 4/n
  std::string dropout_level = "join";  ///< of mid- and end-level networks: where the sequences are joined
                                       ///< ("join", Yi 2019) or the networks' inputs ("input")
  std::string end_join = "mean";       ///< of the outputs of end-level networks: mean or sum
  bool difference_alone = false;       ///< mid-subtract: without the features of BRAVO and FLAIR beside the
                                       ///< difference
  SlotSet subset = SlotSet().set();    ///< sequences that it was trained on; others are ignored

  bool operator==(const NetworkConfig&) const = default;
};

/// A module of another program (models/networks/torchscript.h), which is served and not trained.
inline bool is_torchscript(const NetworkConfig& config) {
  return config.network == "torchscript";
}

/// The sequences that it cannot do without: mid-subtract subtracts CUBE pre from CUBE post.
inline SlotSet needed_sequences(const NetworkConfig& config) {
  SlotSet needed;
  if (config.network == "mid-subtract") needed.set(index(Slot::t1_se_pre)).set(index(Slot::t1_se_post));
  return needed;
}

/// Slices per sequence that a network has in its paper.
constexpr int paper_slices(std::string_view network) {
  return network == "googlenet" ? 7 : 5;
}

/// "DeepLabV3, input, resnet18, output stride 8, width 64, ASPP 256 channels" or "GoogLeNet, width 64".
std::string describe(const NetworkConfig& config);

}  // namespace metserve::models
