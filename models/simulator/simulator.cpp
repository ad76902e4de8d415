#include "models/simulator.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <torch/types.h>

#include "models/error.h"
#include "models/simulator/acquisition.h"
#include "models/simulator/geometry.h"
#include "models/simulator/head.h"
#include "models/simulator/lesions.h"
#include "models/simulator/scene.h"

namespace metserve::models {
namespace {

using namespace simulator;

/// Refuses what makes no study, and leaves out what the hospital does not have.
SimulatorOptions checked(SimulatorOptions options) {
  const auto refuse = [](const std::string& what) {
    throw Error(Error::Kind::bad_input, "simulator: " + what);
  };
  if (options.hospital == Hospital::oslo) options.keep.reset(index(Slot::t1_gre_post));
  if (options.keep.none()) refuse("no sequence to keep");
  if (options.min_lesions < 0 || options.max_lesions < options.min_lesions)
    refuse("min_lesions must be 0 or more and at most max_lesions");
  if (options.field_strength_t < 0.5 || options.field_strength_t > 7)
    refuse("field_strength_t must be 0.5 to 7");
  if (!(options.motion_deg >= 0 && options.motion_deg <= 45)) refuse("motion_deg must be 0 to 45");
  if (!(options.motion_mm >= 0 && options.motion_mm <= 100)) refuse("motion_mm must be 0 to 100");
  if (!(options.random_contrasts >= 0 && options.random_contrasts <= 1))
    refuse("random_contrasts must be 0 to 1");
  return options;
}

Slot first_kept(SlotSet keep) {
  return *std::find_if(all_slots.begin(), all_slots.end(), [&](Slot slot) { return keep.test(index(slot)); });
}

/// Few lesions more often than many.
int draw_lesion_count(const SimulatorOptions& options, Random& random) {
  const double share = std::pow(random.uniform(0, 1), 1.8);
  return options.min_lesions +
         static_cast<int>(std::lround(share * (options.max_lesions - options.min_lesions)));
}

Layout draw_layout(const BrainBox& brain, const SimulatorOptions& options, Random& random) {
  if (!options.native_geometry) return network_layout(brain, random);
  if (first_kept(options.keep) == Slot::t1_gre_post) return native_layout(brain, std::nullopt, random);
  return native_layout(brain, draw_sagittal_series(options.hospital, random), random);
}

/// What differs from one sequence of a study to the next.
struct Placement {
  SeriesGrid grid;
  torch::Tensor motion;
  bool reference = false;
};

Placement place(Slot slot, const Layout& layout, const SimulatorOptions& options, Random& random) {
  Placement placement{.grid = reference_grid(layout), .motion = torch::eye(4, torch::kFloat64)};
  placement.reference = slot == first_kept(options.keep);
  if (placement.reference || !options.native_geometry) return placement;
  placement.grid = sagittal_grid(layout.canvas, draw_sagittal_series(options.hospital, random), random);
  placement.motion = draw_motion(layout.canvas, options.motion_deg, options.motion_mm, random);
  return placement;
}

/// On the network's grid: what is left of the motion after registration, and the interpolation's traces.
void add_registration_traces(Acquisition& acquisition, torch::Tensor& motion, Random& random) {
  constexpr double largest_residual_mm = 0.3;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double offset_mm = random.uniform(-1, 1) * largest_residual_mm / std::sqrt(3.0);
    acquisition.offset_mm[axis] = offset_mm;
    acquisition.interpolated_voxels[axis] = random.uniform(-0.5, 0.5);
    motion[2 - static_cast<std::int64_t>(axis)][3] += offset_mm;
  }
}

SimulatedSequence acquire_sequence(const Scene& scene, const Layout& layout, const Protocol& protocol,
                                   const SimulatorOptions& options, const torch::Tensor& shared_shading) {
  Random random(options.seed, Stream::acquisition, 1 + index(protocol.slot));
  Placement placement = place(protocol.slot, layout, options, random);
  Acquisition acquisition = draw_acquisition(random);
  if (!placement.reference && !options.native_geometry)
    add_registration_traces(acquisition, placement.motion, random);
  const torch::Tensor& on_canvas = scene.signals[index(protocol.slot)];
  const auto on_grid = [&](const torch::Tensor& volume) {
    return placement.reference || !options.native_geometry
               ? reference_view(volume, layout)
               : resample(volume, scene.canvas, placement.grid, placement.motion);
  };
  SimulatedSequence sequence;
  sequence.slot = protocol.slot;
  sequence.image.voxels =
      acquire(on_grid(on_canvas), placement.grid.spacing_mm, acquisition, on_grid(shared_shading), random);
  sequence.image.index_to_lps_mm = placement.grid.index_to_lps_mm;
  sequence.patient_motion = placement.motion;
  sequence.tr_ms = protocol.tr_ms;
  sequence.te_ms = protocol.te_ms;
  sequence.ti_ms = protocol.ti_ms;
  sequence.flip_deg = protocol.flip_deg;
  sequence.echo_train_length = protocol.echo_train_length;
  return sequence;
}

}  // namespace

std::string_view name_of(Hospital hospital) {
  constexpr std::array<std::string_view, 3> names{"mixed", "stanford", "oslo"};
  return names[static_cast<std::size_t>(hospital)];
}

std::optional<Hospital> hospital_from_name(std::string_view name) {
  for (const Hospital hospital : {Hospital::mixed, Hospital::stanford, Hospital::oslo})
    if (name_of(hospital) == name) return hospital;
  return std::nullopt;
}

SimulatedStudy simulate_study(const Anatomy& anatomy, const SimulatorOptions& given, torch::Device device) {
  const SimulatorOptions options = checked(given);
  const torch::NoGradGuard no_grad;
  Random pose_random(options.seed, Stream::pose), head_random(options.seed, Stream::head);
  Random count_random(options.seed, Stream::lesions), shading_random(options.seed, Stream::acquisition);
  const Head head = prepare_head(anatomy, head_random, device);
  const Pose pose = draw_pose(pose_random);
  const BrainBox brain = posed_brain(head, pose);
  const Layout layout = draw_layout(brain, options, pose_random);
  SceneOptions scene_options{.seed = options.seed,
                             .hospital = options.hospital,
                             .field_strength_t = options.field_strength_t,
                             .random_contrasts = options.random_contrasts,
                             .keep = options.keep};
  scene_options.lesions.count = draw_lesion_count(options, count_random);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    constexpr std::int64_t border = 3;
    scene_options.lesions.low[axis] = layout.first[axis] + border;
    scene_options.lesions.high[axis] = layout.first[axis] + layout.size[axis] - border;
  }
  const Scene scene = compose(head, pose, layout.canvas, scene_options);

  SimulatedStudy study;
  study.name = anatomy.name + "_" + std::to_string(options.seed);
  const torch::Tensor shading =
      coil_shading(layout.canvas.shape, layout.canvas.spacing_mm, shading_random, device);
  for (const Protocol& protocol : scene.protocols)
    if (options.keep.test(index(protocol.slot)))
      study.sequences.push_back(acquire_sequence(scene, layout, protocol, options, shading));
  const SeriesGrid reference = reference_grid(layout);
  study.truth = {reference_view(scene.numbers, layout), reference.index_to_lps_mm};
  study.lesions = measure_lesions(study.truth);
  study.truth.voxels = study.truth.voxels.to(device);
  return study;
}

}  // namespace metserve::models
