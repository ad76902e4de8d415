#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torch/types.h>

#include "models/slots.h"

namespace metserve::models {

/// A head as FreeSurfer-coded labels (plus extra-cerebral ones, see docs/simulator.md).
/// `labels`: [D, H, W] int16, axes slice (towards superior), row (towards posterior), column (towards
/// patient left), so that index and LPS axes agree; isotropic `spacing_mm`.
struct Anatomy {
  std::string name;
  torch::Tensor labels;
  double spacing_mm = 1.0;
};

/// One image in patient space. `voxels`: [slices, rows, columns] float32.
/// `index_to_lps_mm`: [4, 4] float64, maps (column, row, slice, 1) of voxel centres to LPS mm.
struct SpatialImage {
  torch::Tensor voxels;
  torch::Tensor index_to_lps_mm;
};

struct SimulatedSequence {
  Slot slot = Slot::t1_gre_post;
  SpatialImage image;            ///< as acquired, in the series' own orientation
  torch::Tensor patient_motion;  ///< [4, 4] float64: from the reference frame's LPS mm to this series' LPS mm
  double tr_ms = 0, te_ms = 0, ti_ms = 0, flip_deg = 0;
  int echo_train_length = 1;
};

struct SimulatedLesion {
  int number = 0;  ///< value in the mask, 1..N
  std::array<double, 3> centroid_lps_mm{};
  double diameter_mm = 0;  ///< longest 3D diameter
  double volume_mm3 = 0;
};

/// A study with the truth. Simulated data is called simulated wherever it appears.
struct SimulatedStudy {
  std::string name;
  std::vector<SimulatedSequence> sequences;
  SpatialImage truth;  ///< voxels int16: lesion number or 0, on the first sequence's grid
  std::vector<SimulatedLesion> lesions;
};

/// Whose sequences the study has (Grøvik 2021: trained at one hospital, tested at another).
enum class Hospital {
  mixed,     ///< `stanford`, with the parameters of `oslo` in one CUBE pair and one FLAIR of four
  stanford,  ///< BRAVO, CUBE and CUBE FLAIR
  oslo,      ///< no BRAVO; SPACE and SPACE FLAIR, 0.9 mm
};

std::optional<Hospital> hospital_from_name(std::string_view name);
std::string_view name_of(Hospital hospital);

struct SimulatorOptions {
  std::uint64_t seed = 1;
  Hospital hospital = Hospital::mixed;
  double field_strength_t = 3.0;  ///< 1.5 or 3
  bool native_geometry = true;    ///< true: series as a scanner makes them (axial BRAVO, sagittal CUBE
                                  ///< and FLAIR); false: all on the 256 x 256, 0.9375 x 0.9375 x 1 mm
                                  ///< axial network grid, with the same blur, for training
  double motion_deg = 3.0;        ///< largest rotation between series, per axis
  double motion_mm = 4.0;         ///< largest translation between series, per axis
  int min_lesions = 1;
  int max_lesions = 15;
  double random_contrasts = 0;     ///< probability that the study's contrasts are mixed with random ones that
                                   ///< no scanner gives, 0..1: variety for training, not for measuring
  SlotSet keep = SlotSet().set();  ///< sequences to write, of those that the hospital has
};

/// Deterministic: the same anatomy and options give the same bytes on the same device kind.
/// Throws Error(bad_input) when the anatomy has no brain labels or no sequence is kept.
SimulatedStudy simulate_study(const Anatomy& anatomy, const SimulatorOptions& options, torch::Device device);

/// The seed of study `number` of a set; sets of different seeds share none.
constexpr std::uint64_t study_seed(std::uint64_t set_seed, int number) {
  return set_seed * 1'000'003 + static_cast<std::uint64_t>(number);
}

/// A head from ellipsoids, for when no label maps are at hand: same codes, plainly artificial.
Anatomy procedural_anatomy(std::uint64_t seed);

}  // namespace metserve::models
