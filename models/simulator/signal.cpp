#include "models/simulator/signal.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace metserve::models::simulator {
namespace {

struct Agent {
  double r1_15, r1_30, r2;
};
/// Gadoterate, gadobutrol, gadobenate: relaxivity in blood plasma, 1/(s mmol/l).
constexpr Agent agents[] = {{3.3, 3.0, 4.5}, {4.8, 5.0, 6.5}, {6.3, 5.5, 8.7}};

struct Relaxation {
  double t1_ms, t2_ms;
};

Relaxation with_agent(const TissueProperties& tissue, const Protocol& protocol) {
  const double concentration = protocol.contrast_agent ? tissue.gadolinium_mm : 0;
  return {1000 / (1000 / tissue.t1_ms + protocol.relaxivity_r1 * concentration),
          1000 / (1000 / tissue.t2_ms + protocol.relaxivity_r2 * concentration)};
}

/// Inversion, delay, a train of small flip angles, recovery, and again: the magnetisation that repeats itself
/// (after Deichmann 2000), read where the train meets the centre of k-space.
double gradient_echo(const TissueProperties& tissue, const Protocol& protocol) {
  const Relaxation relaxation = with_agent(tissue, protocol);
  const double angle = protocol.flip_deg * std::numbers::pi / 180;
  const double pulse_decay = std::exp(-protocol.tr_ms / relaxation.t1_ms);
  const double driven = (1 - pulse_decay) / (1 - pulse_decay * std::cos(angle));
  const auto train_decay = [&](double pulses) { return std::pow(pulse_decay * std::cos(angle), pulses); };
  const double delay_decay = std::exp(-protocol.ti_ms / relaxation.t1_ms);
  const double recovery_decay = std::exp(-protocol.recovery_ms / relaxation.t1_ms);
  // One cycle maps the magnetisation at the start of the train as start -> offset + gain * start.
  constexpr double inversion_efficiency = 0.96;
  const auto cycle = [&](double start) {
    const double end = driven + (start - driven) * train_decay(protocol.train_pulses);
    const double before_inversion = 1 + (end - 1) * recovery_decay;
    return 1 - (1 + inversion_efficiency * before_inversion) * delay_decay;
  };
  const double offset = cycle(0), gain = cycle(1) - offset;
  const double start = offset / (1 - gain);
  const double at_centre = driven + (start - driven) * train_decay(protocol.central_pulse);
  const double t2_star_ms = 0.7 * relaxation.t2_ms;
  return std::abs(at_centre) * std::sin(angle) * std::exp(-protocol.te_ms / t2_star_ms);
}

double spin_echo(const TissueProperties& tissue, const Protocol& protocol) {
  const Relaxation relaxation = with_agent(tissue, protocol);
  const double train_ms = protocol.echo_train_length * protocol.echo_spacing_ms;
  const double recovered = 1 - std::exp(-(protocol.tr_ms - train_ms) / relaxation.t1_ms);
  return recovered * std::exp(-protocol.effective_te_ms / relaxation.t2_ms) * tissue.magnetisation_transfer *
         tissue.flow_spin_echo;
}

double flair(const TissueProperties& tissue, const Protocol& protocol) {
  const Relaxation relaxation = with_agent(tissue, protocol);
  const double train_ms = protocol.echo_train_length * protocol.echo_spacing_ms;
  const double recovered = 1 - 2 * std::exp(-protocol.effective_ti_ms / relaxation.t1_ms) +
                           std::exp(-(protocol.tr_ms - train_ms) / relaxation.t1_ms);
  return std::abs(recovered) * std::exp(-protocol.effective_te_ms / relaxation.t2_ms) *
         tissue.magnetisation_transfer * tissue.flow_spin_echo;
}

Protocol draw_gradient_echo(Random& random) {
  Protocol protocol;
  protocol.tr_ms = random.uniform(8, 12);
  protocol.te_ms = protocol.effective_te_ms = random.uniform(3, 5);
  protocol.ti_ms = random.uniform(300, 400);
  protocol.flip_deg = random.uniform(13, 20);
  protocol.train_pulses = static_cast<int>(random.integer(120, 200));
  protocol.central_pulse = random.uniform(0.25, 0.5) * protocol.train_pulses;
  protocol.recovery_ms = random.uniform(0, 500);
  return protocol;
}

/// Draws also where the hospital decides, so that what is drawn next does not depend on it.
bool of_oslo(Hospital hospital, Random& random) {
  const bool one_in_four = random.chance(0.25);
  return hospital == Hospital::mixed ? one_in_four : hospital == Hospital::oslo;
}

Protocol draw_spin_echo(Hospital hospital, Random& random) {
  Protocol protocol;
  const bool oslo = of_oslo(hospital, random);
  protocol.tr_ms = oslo ? random.uniform(680, 720) : random.uniform(550, 600);
  protocol.te_ms = protocol.effective_te_ms = random.uniform(10, 13);
  protocol.flip_deg = oslo ? 120 : 90;
  protocol.echo_train_length = static_cast<int>(random.integer(18, 30));
  protocol.echo_spacing_ms = random.uniform(4.2, 5.2);
  protocol.fat_left = random.chance(0.4) ? random.uniform(0.05, 0.3) : 1.0;
  return protocol;
}

Protocol draw_flair(Hospital hospital, Random& random) {
  Protocol protocol;
  const bool oslo = of_oslo(hospital, random);
  protocol.tr_ms = oslo ? random.uniform(4900, 5100) : 6000;
  protocol.te_ms = oslo ? 387 : random.uniform(119, 136);
  protocol.effective_te_ms = random.uniform(82, 98);
  // Oslo's shorter repetition nulls fluid earlier than its header's inversion time says, as long as the
  // effective T1 of fluid is the one that nulls Stanford's.
  protocol.ti_ms = oslo ? random.uniform(1750, 1850) : random.uniform(1700, 1880);
  protocol.effective_ti_ms = oslo ? random.uniform(1470, 1560) : protocol.ti_ms;
  protocol.flip_deg = oslo ? 120 : 90;
  protocol.echo_train_length = static_cast<int>(random.integer(140, 220));
  protocol.echo_spacing_ms = random.uniform(3.2, 4.0);
  protocol.fat_left = random.chance(0.8) ? random.uniform(0.05, 0.25) : 1.0;
  return protocol;
}

}  // namespace

std::array<Protocol, slot_count> draw_protocols(Hospital hospital, double field_strength_t, Random& random) {
  std::array<Protocol, slot_count> protocols;
  protocols[index(Slot::t1_gre_post)] = draw_gradient_echo(random);
  protocols[index(Slot::t1_se_pre)] = draw_spin_echo(hospital, random);
  protocols[index(Slot::t1_se_post)] = protocols[index(Slot::t1_se_pre)];
  protocols[index(Slot::flair)] = draw_flair(hospital, random);
  const bool flair_after_agent = random.chance(0.5);
  const Agent& agent = agents[static_cast<std::size_t>(random.integer(0, 2))];
  for (Slot slot : all_slots) {
    Protocol& protocol = protocols[index(slot)];
    protocol.slot = slot;
    protocol.field_strength_t = field_strength_t;
    protocol.contrast_agent = slot == Slot::flair ? flair_after_agent : slot != Slot::t1_se_pre;
    protocol.relaxivity_r1 = field_strength_t < 2.25 ? agent.r1_15 : agent.r1_30;
    protocol.relaxivity_r2 = agent.r2;
  }
  return protocols;
}

double signal(const TissueProperties& tissue, const Protocol& protocol) {
  const double per_proton = protocol.slot == Slot::t1_gre_post ? gradient_echo(tissue, protocol)
                            : protocol.slot == Slot::flair     ? flair(tissue, protocol)
                                                               : spin_echo(tissue, protocol);
  return per_proton * tissue.proton_density * (1 - tissue.fat * (1 - protocol.fat_left));
}

}  // namespace metserve::models::simulator
