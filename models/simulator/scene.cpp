#include "models/simulator/scene.h"

#include <algorithm>
#include <cmath>

#include <torch/nn/functional/vision.h>

#include "models/simulator/foci.h"
#include "models/simulator/vessels.h"

namespace metserve::models::simulator {
namespace {

namespace F = torch::nn::functional;

F::GridSampleFuncOptions sampling(bool linear) {
  auto options = F::GridSampleFuncOptions().padding_mode(torch::kZeros).align_corners(true);
  return linear ? options.mode(torch::kBilinear) : options.mode(torch::kNearest);
}

/// The head's tissue at each voxel of the canvas.
torch::Tensor tissue_on_canvas(const Head& head, const torch::Tensor& grid) {
  const torch::Tensor volume = head.tissue.to(torch::kFloat32).unsqueeze(0).unsqueeze(0);
  return F::grid_sample(volume, grid, sampling(false))[0][0].to(torch::kUInt8);
}

/// The signal of each tissue, with the partial volumes of the canvas: [sequences, D, H, W].
torch::Tensor tissue_signals(const Head& head, const torch::Tensor& grid, const Contrasts& contrasts,
                             const std::vector<Slot>& slots) {
  const torch::Tensor codes = head.tissue.flatten().to(torch::kInt32);
  torch::Tensor volumes = torch::empty({1, static_cast<std::int64_t>(slots.size()), head.tissue.size(0),
                                        head.tissue.size(1), head.tissue.size(2)},
                                       head.tissue.options().dtype(torch::kFloat32));
  for (std::size_t channel = 0; channel < slots.size(); ++channel) {
    const auto& row = contrasts.signals[index(slots[channel])];
    const torch::Tensor table =
        torch::tensor(std::vector<double>(row.begin(), row.end()), torch::kFloat64).to(volumes.options());
    volumes[0][static_cast<std::int64_t>(channel)].copy_(
        table.index_select(0, codes).view(head.tissue.sizes()));
  }
  return F::grid_sample(volumes, grid, sampling(true))[0];
}

/// Tissue is not uniform: a few per cent of coarse and fine variation, shared by the sequences to a degree.
void add_texture(torch::Tensor& signals, const Canvas& canvas, const std::vector<Slot>& slots,
                 Random& random) {
  torch::Tensor texture = smooth_field(canvas.shape, 14, random, signals.device());
  texture.mul_(0.6).add_(smooth_field(canvas.shape, 3.5, random, signals.device()));
  std::array<double, slot_count> strength{};
  for (double& one : strength) one = random.uniform(0.01, 0.035) * (random.chance(0.5) ? 1 : -1);
  for (std::size_t channel = 0; channel < slots.size(); ++channel)
    signals[static_cast<std::int64_t>(channel)].addcmul_(signals[static_cast<std::int64_t>(channel)], texture,
                                                         strength[index(slots[channel])]);
}

/// Puts `tissue` over the signals; `share` [D, H, W] is what each voxel gets of it.
void overlay(torch::Tensor& signals, const torch::Tensor& share, Tissue tissue, const Contrasts& contrasts,
             const std::vector<Slot>& slots) {
  for (std::size_t channel = 0; channel < slots.size(); ++channel) {
    const double value = contrasts.signals[index(slots[channel])][index(tissue)];
    signals[static_cast<std::int64_t>(channel)].lerp_(torch::scalar_tensor(value, share.options()), share);
  }
}

/// Of a lesion's parts in one sequence, in units of white matter.
struct LesionSignals {
  double body, core, oedema;
};

LesionSignals lesion_signals(const Lesion& lesion, const Contrasts& contrasts, Slot slot, double variation) {
  const Protocol& protocol = contrasts.protocols[index(slot)];
  const bool weak_field = protocol.field_strength_t < 2.25;
  const double to_units = contrasts.shift[index(slot)] / contrasts.unit[index(slot)];
  TissueProperties body{.t1_ms = (weak_field ? 1250 : 1600) * variation,
                        .t2_ms = 110 / variation,
                        .proton_density = 0.86,
                        .gadolinium_mm = lesion.gadolinium_mm,
                        .magnetisation_transfer = 0.93};
  if (lesion.t1_short) body.t1_ms *= 0.5;
  TissueProperties core{.t1_ms = lesion.cystic ? 3000.0 : 2500.0,
                        .t2_ms = lesion.cystic ? 350.0 : 250.0,
                        .proton_density = 0.93,
                        .gadolinium_mm = lesion.core_gadolinium_mm};
  const TissueProperties oedema{.t1_ms = weak_field ? 1250.0 : 1500.0,
                                .t2_ms = 150,
                                .proton_density = 0.84,
                                .magnetisation_transfer = 0.92};
  return {signal(body, protocol) * to_units, signal(core, protocol) * to_units,
          signal(oedema, protocol) * to_units};
}

/// What a reader would call a lesion stands out after the contrast agent, if only a little, and less before.
void make_visible(std::array<LesionSignals, slot_count>& parts, const Contrasts& contrasts, double least) {
  const auto brightest = [&](Slot slot) {
    const auto& row = contrasts.signals[index(slot)];
    return std::max(row[index(Tissue::white_matter)], row[index(Tissue::cortex)]);
  };
  for (Slot slot : {Slot::t1_gre_post, Slot::t1_se_post}) {
    double& body = parts[index(slot)].body;
    body = std::max(body, least * brightest(slot));
  }
  double& before = parts[index(Slot::t1_se_pre)].body;
  before = std::min(before, parts[index(Slot::t1_se_post)].body / least);
}

void paint_lesions(torch::Tensor& signals, const std::vector<Lesion>& lesions, const Contrasts& contrasts,
                   const std::vector<Slot>& slots, Random& random) {
  std::vector<std::array<LesionSignals, slot_count>> parts;
  for (const Lesion& lesion : lesions) {
    const double variation = random.uniform(0.85, 1.2);
    std::array<LesionSignals, slot_count> of_lesion{};
    for (Slot slot : all_slots) of_lesion[index(slot)] = lesion_signals(lesion, contrasts, slot, variation);
    make_visible(of_lesion, contrasts, lesion.least_contrast);
    parts.push_back(of_lesion);
  }
  const auto blend = [](const torch::Tensor& share, double value, torch::Tensor part) {
    part.lerp_(torch::scalar_tensor(value, part.options()), share);
  };
  for (std::size_t channel = 0; channel < slots.size(); ++channel) {
    const torch::Tensor volume = signals[static_cast<std::int64_t>(channel)];
    const std::size_t slot = index(slots[channel]);
    for (std::size_t i = 0; i < lesions.size(); ++i)
      blend(lesions[i].oedema.to(volume.device()), parts[i][slot].oedema, lesions[i].box.cut(volume));
    for (std::size_t i = 0; i < lesions.size(); ++i) {
      torch::Tensor part = lesions[i].box.cut(volume);
      const torch::Tensor core = lesions[i].core.to(volume.device());
      const torch::Tensor body = lesions[i].body.to(volume.device());
      const torch::Tensor inside = core.mul(parts[i][slot].core)
                                       .add_(body.sub(core).mul_(parts[i][slot].body))
                                       .mul_(lesions[i].texture.to(volume.device()));
      part.mul_(1 - body).add_(inside);
    }
  }
}

}  // namespace

Scene compose(const Head& head, const Pose& pose, const Canvas& canvas, const SceneOptions& options) {
  const torch::Device device = head.tissue.device();
  Random tissue_random(options.seed, Stream::tissue), pose_random(options.seed, Stream::pose, 1);
  Random protocol_random(options.seed, Stream::protocol), vessel_random(options.seed, Stream::vessels);
  Random lesion_random(options.seed, Stream::lesions, 1), foci_random(options.seed, Stream::foci);

  const TissueTable tissues = draw_tissues(options.field_strength_t, tissue_random);
  const auto protocols = draw_protocols(options.hospital, options.field_strength_t, protocol_random);
  const Contrasts contrasts = draw_contrasts(tissues, protocols, tissue_random, options.random_contrasts);
  std::vector<Slot> slots;
  for (Slot slot : all_slots)
    if (options.keep.test(index(slot))) slots.push_back(slot);

  const torch::Tensor grid = sampling_grid(head, pose, canvas, pose_random);
  const torch::Tensor tissue = tissue_on_canvas(head, grid).cpu();
  torch::Tensor signals = tissue_signals(head, grid, contrasts, slots);
  add_texture(signals, canvas, slots, tissue_random);
  if (const torch::Tensor foci = draw_white_matter_foci(tissue, canvas, foci_random); foci.defined())
    overlay(signals, foci.to(device), Tissue::white_lesion, contrasts, slots);
  const torch::Tensor vessels = draw_vessels(tissue, canvas, vessel_random).to(device);
  overlay(signals, vessels, Tissue::cortical_vessel, contrasts, slots);

  Scene scene{.canvas = canvas, .protocols = protocols};
  scene.numbers = torch::zeros(tissue.sizes(), torch::kInt16);
  const auto lesions = place_lesions(options.lesions, tissue, canvas, scene.numbers, lesion_random);
  paint_lesions(signals, lesions, contrasts, slots, lesion_random);
  for (std::size_t channel = 0; channel < slots.size(); ++channel)
    scene.signals[index(slots[channel])] = signals[static_cast<std::int64_t>(channel)];
  return scene;
}

}  // namespace metserve::models::simulator
