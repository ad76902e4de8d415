#include <algorithm>

#include "models/simulator/scene.h"

namespace metserve::models::simulator {
namespace {

/// White and grey matter together: what lesions are seen against.
double brain_level(const std::array<double, tissue_count>& signals) {
  return 0.5 * (signals[index(Tissue::white_matter)] + signals[index(Tissue::cortex)]);
}

/// One random contrast for both CUBE series, so that they still differ by the contrast agent alone.
void randomise(SignalTable& signals, Random& random) {
  const SignalTable physical = signals;
  const double share = random.uniform(0.3, 1.0);
  for (std::size_t tissue = 1; tissue < tissue_count; ++tissue) {
    const double gradient_echo = random.uniform(0.1, 1.4), spin_echo = random.uniform(0.1, 1.4);
    const double flair = random.uniform(0.05, 1.4);
    if (tissue == index(Tissue::cortical_vessel) || tissue == index(Tissue::vein)) continue;
    const std::array<double, slot_count> drawn{gradient_echo, spin_echo, spin_echo, flair};
    for (std::size_t slot = 0; slot < slot_count; ++slot)
      signals[slot][tissue] += share * (drawn[slot] - physical[slot][tissue]);
    constexpr std::size_t pre = index(Slot::t1_se_pre), post = index(Slot::t1_se_post);
    signals[post][tissue] =
        signals[pre][tissue] + std::max(0.0, physical[post][tissue] - physical[pre][tissue]);
  }
  // Small vessel disease takes up no agent: brighter than the brain around it, it would look as if it did.
  auto& bravo = signals[index(Slot::t1_gre_post)];
  bravo[index(Tissue::white_lesion)] =
      std::min(bravo[index(Tissue::white_lesion)], bravo[index(Tissue::white_matter)]);
}

}  // namespace

Contrasts draw_contrasts(const TissueTable& tissues, const std::array<Protocol, slot_count>& protocols,
                         Random& random, double random_contrasts) {
  Contrasts contrasts{.protocols = protocols};
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    contrasts.unit[slot] = signal(tissues[index(Tissue::white_matter)], protocols[slot]);
    for (std::size_t tissue = 0; tissue < tissue_count; ++tissue)
      contrasts.signals[slot][tissue] = signal(tissues[tissue], protocols[slot]) / contrasts.unit[slot];
  }
  const SignalTable physical = contrasts.signals;
  if (random.chance(random_contrasts)) randomise(contrasts.signals, random);
  for (std::size_t slot = 0; slot < slot_count; ++slot)
    contrasts.shift[slot] = brain_level(contrasts.signals[slot]) / brain_level(physical[slot]);
  return contrasts;
}

}  // namespace metserve::models::simulator
