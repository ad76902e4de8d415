#pragma once

#include <array>
#include <vector>

#include "models/simulator.h"
#include "models/simulator/random.h"
#include "models/simulator/tissue.h"
#include "models/slots.h"

namespace metserve::models::simulator {

/// One pulse sequence. Times in ms, angles in degrees.
struct Protocol {
  Slot slot = Slot::t1_gre_post;
  double field_strength_t = 3.0;
  double tr_ms = 10;
  double te_ms = 4;            ///< as the header has it
  double effective_te_ms = 4;  ///< what sets the contrast
  double ti_ms = 0;            ///< as the header has it
  double effective_ti_ms = 0;  ///< what nulls fluid, FLAIR
  double flip_deg = 15;
  int echo_train_length = 1;
  double echo_spacing_ms = 5;  ///< fast spin echo
  int train_pulses = 180;      ///< pulses after each inversion, gradient echo
  double central_pulse = 60;   ///< the one that meets the centre of k-space, gradient echo
  double recovery_ms = 200;    ///< after the train and before the next inversion, gradient echo
  double fat_left = 1.0;       ///< what fat saturation leaves, 0..1
  bool contrast_agent = true;  ///< given before this sequence
  double relaxivity_r1 = 4;    ///< 1/(s mmol/l)
  double relaxivity_r2 = 5;
};

/// The protocols of one examination in the order of all_slots: the ranges of the papers (see
/// docs/simulator.md).
std::array<Protocol, slot_count> draw_protocols(Hospital hospital, double field_strength_t, Random& random);

/// The signal of a tissue, in units of fully relaxed water: cyclic inversion-recovery spoiled gradient echo,
/// T1-weighted fast spin echo, or FLAIR, by the slot of the protocol. Never negative (magnitude).
double signal(const TissueProperties& tissue, const Protocol& protocol);

}  // namespace metserve::models::simulator
