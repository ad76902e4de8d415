#pragma once

#include <array>
#include <vector>

#include <torch/types.h>

#include "models/simulator.h"
#include "models/simulator/lesion_shape.h"
#include "models/simulator/pose.h"
#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// One metastasis on the canvas, in a box of voxels of its own.
/// The tensors fill the box, float32, each voxel's share 0..1:
/// `body` all of the lesion, `core` its part that does not enhance fully, `oedema` around it;
/// `texture` has mean 1 and multiplies the signal of the body.
struct Lesion {
  Box box;
  torch::Tensor body{}, core{}, oedema{}, texture{};
  double gadolinium_mm = 0.4;
  double core_gadolinium_mm = 0;
  double least_contrast = 1.2;  ///< of the body against brain after the contrast agent
  bool t1_short = false;        ///< melanin or methaemoglobin: bright before the contrast agent too
  bool cystic = false;          ///< the core is fluid, not necrosis
};

/// How many lesions, how large, and where on the canvas they may lie (voxels, first and one past the last).
struct LesionPlan {
  int count = 1;
  std::array<std::int64_t, 3> low{}, high{};
  double median_diameter_mm = 7;  ///< of the log-normal distribution
  double spread = 0.55;           ///< its standard deviation, of the natural logarithm
};

/// Lesions that lie in the brain, at the grey-white junction more often than elsewhere, each one 26-connected
/// component of at least 10 mm3, no two of them touching.
/// `tissue`: [D, H, W] uint8 on the CPU. `numbers`: [D, H, W] int16 zeros on the CPU, gets 1..N.
/// There may be fewer than planned where the brain on the canvas has no room.
std::vector<Lesion> place_lesions(const LesionPlan& plan, const torch::Tensor& tissue, const Canvas& canvas,
                                  torch::Tensor& numbers, Random& random);

/// Centroid, longest diameter and volume of each number in the mask.
/// `truth.voxels`: [slices, rows, columns] int16 on the CPU.
std::vector<SimulatedLesion> measure_lesions(const SpatialImage& truth);

}  // namespace metserve::models::simulator
