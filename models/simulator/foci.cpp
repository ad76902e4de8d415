#include "models/simulator/foci.h"

#include <array>

#include <torch/types.h>

#include "models/simulator/fields.h"
#include "models/simulator/lesion_shape.h"
#include "models/simulator/tissue.h"

namespace metserve::models::simulator {
namespace {

/// What a smoothed mask of the ventricles reaches of the white matter.
torch::Tensor ventricle_caps(const torch::Tensor& tissue, const torch::Tensor& white, const Canvas& canvas,
                             Random& random) {
  torch::Tensor caps = any_of(tissue, {Tissue::ventricle}).to(torch::kFloat32);
  const double reach_mm = random.uniform(1.5, 4);
  for (int axis = 0; axis < 3; ++axis)
    caps = filter_axis(caps, gaussian_taps(reach_mm / canvas.spacing_mm[static_cast<std::size_t>(axis)], 0),
                       axis);
  return caps.mul_(random.uniform(1, 2.5)).clamp_max_(random.uniform(0.4, 1)).mul_(white);
}

}  // namespace

torch::Tensor draw_white_matter_foci(const torch::Tensor& tissue, const Canvas& canvas, Random& random) {
  if (random.chance(0.5)) return {};
  const torch::Tensor white = any_of(tissue, {Tissue::white_matter});
  torch::Tensor share = ventricle_caps(tissue, white, canvas, random);
  const auto tissues = tissue.accessor<std::uint8_t, 3>();
  const auto wanted = static_cast<int>(random.log_uniform(2, 45));
  constexpr int trials = 4000;
  for (int trial = 0, count = 0; trial < trials && count < wanted; ++trial) {
    std::array<std::int64_t, 3> at;
    for (std::size_t axis = 0; axis < 3; ++axis) at[axis] = random.integer(0, canvas.shape[axis] - 1);
    if (static_cast<Tissue>(tissues[at[0]][at[1]][at[2]]) != Tissue::white_matter) continue;
    ++count;
    const double diameter_mm = random.log_uniform(2, 8);
    const std::array<double, 3> centre{static_cast<double>(at[0]), static_cast<double>(at[1]),
                                       static_cast<double>(at[2])};
    const Box box = box_around(centre, diameter_mm, canvas);
    const Distances away = distances(draw_shape(diameter_mm, centre, random), box, canvas);
    const torch::Tensor focus = away.surface_mm.mul(-0.7).add_(0.5).clamp_(0, random.uniform(0.5, 1));
    torch::Tensor part = box.cut(share);
    part.copy_(torch::maximum(part, focus.mul_(box.cut(white))));
  }
  return share;
}

}  // namespace metserve::models::simulator
