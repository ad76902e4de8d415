#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <torch/types.h>

#include "models/simulator/random.h"

namespace metserve::models::simulator {

/// What the simulator tells apart. The head's labels are mapped to the first group; the second group has no
/// label and is added (dura, pituitary and fat in the head, the others painted over it).
enum class Tissue : std::uint8_t {
  air,
  white_matter,
  cortex,
  deep_gray,
  thalamus,
  pallidum,
  cerebellar_white,
  cerebellar_cortex,
  brainstem,
  csf,
  ventricle,
  white_lesion,
  choroid,
  artery,
  vein,
  eye,
  muscle,
  skin,
  mucosa,
  cortical_bone,
  marrow,
  cord,
  optic_nerve,

  fat,
  dura,
  pituitary,
  cortical_vessel,
};
inline constexpr std::size_t tissue_count = 27;
constexpr std::size_t index(Tissue tissue) {
  return static_cast<std::size_t>(tissue);
}

/// White or grey matter, cerebellum or brain stem: where a metastasis may grow.
bool is_brain(Tissue tissue);

/// What the signal equations need to know.
struct TissueProperties {
  double t1_ms = 1000;
  double t2_ms = 80;
  double proton_density = 0.8;        ///< share of water's, 0..1
  double gadolinium_mm = 0;           ///< after the contrast agent, mmol/l
  double magnetisation_transfer = 1;  ///< what a long train of refocusing pulses leaves, 0..1
  double flow_spin_echo = 1;          ///< what flow leaves in a spin echo, 0..1
  double fat = 0;                     ///< share that fat saturation takes away, 0..1
};

using TissueTable = std::array<TissueProperties, tissue_count>;

/// The tissues of one patient: literature values at 1.5 or 3 T (see docs/simulator.md), varied by a few per
/// cent from patient to patient, and the contrast agent that each takes up.
TissueTable draw_tissues(double field_strength_t, Random& random);

/// FreeSurfer-coded labels (int16) to tissues (uint8, same shape); labels that are not known become air.
torch::Tensor tissues_of_labels(const torch::Tensor& labels);

/// `tissue` [D, H, W] uint8: true where one of the tissues of `wanted` is. Same shape, bool.
torch::Tensor any_of(const torch::Tensor& tissue, std::initializer_list<Tissue> wanted);

}  // namespace metserve::models::simulator
