#pragma once

#include <array>
#include <vector>

#include <torch/types.h>

#include "models/simulator.h"
#include "models/simulator/lesions.h"
#include "models/simulator/pose.h"
#include "models/simulator/signal.h"
#include "models/simulator/tissue.h"

namespace metserve::models::simulator {

/// A signal per tissue and sequence, in units of the sequence's white matter.
using SignalTable = std::array<std::array<double, tissue_count>, slot_count>;

/// What one patient's tissues give in one examination.
struct Contrasts {
  std::array<Protocol, slot_count> protocols;
  SignalTable signals{};
  std::array<double, slot_count> unit{};   ///< signal() of white matter
  std::array<double, slot_count> shift{};  ///< brain's level after random contrasts, over that before
};

/// The signal equations, and with probability `random_contrasts` contrasts partly replaced by random ones, so
/// that a network learns shapes and not grey values (after Billot 2023).
Contrasts draw_contrasts(const TissueTable& tissues, const std::array<Protocol, slot_count>& protocols,
                         Random& random, double random_contrasts);

/// A posed head with everything in it, on the canvas.
struct Scene {
  Canvas canvas;
  std::array<Protocol, slot_count> protocols{};
  std::array<torch::Tensor, slot_count>
      signals{};            ///< [D, H, W] float32 per sequence kept, undefined otherwise
  torch::Tensor numbers{};  ///< [D, H, W] int16, CPU: lesion number or 0
};

/// What composing needs beside the head.
struct SceneOptions {
  std::uint64_t seed = 1;
  Hospital hospital = Hospital::mixed;
  double field_strength_t = 3;
  double random_contrasts = 0;  ///< probability, 0..1
  SlotSet keep;
  LesionPlan lesions{};
};

Scene compose(const Head& head, const Pose& pose, const Canvas& canvas, const SceneOptions& options);

}  // namespace metserve::models::simulator
